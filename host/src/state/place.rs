//! Where a state is: a server's URL or a file's path. A URL is taken apart once; its password is shown nowhere.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{Clock, Patience, Redis, Sqlite, State, StateError};
use crate::{digest::unhex, files::shown, manifest::HostRule};

/// The port of a URL without one.
const PORT: u16 = 6379;
/// Servers have 16 databases unless told otherwise; more digits than this are a mistake.
const MAX_DATABASE: u32 = 9_999;

/// Where a state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a SQLite file.
    File(PathBuf),
    /// On a server that speaks the Redis protocol.
    Server(Address),
}

/// A server, and how to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The number of the database.
    pub database: u32,
    /// The user, where one is named.
    pub user: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
}

impl Place {
    /// The place that `spec` names; a path is one in `folder`.
    ///
    /// # Errors
    /// [`StateError::Place`], which repeats nothing of `spec`: there may be a password in it.
    pub fn parse(spec: &str, folder: &Path) -> Result<Self, StateError> {
        match spec.split_once("://") {
            Some(("redis", rest)) => Address::parse(rest).map(Self::Server),
            Some(("rediss", _)) => {
                Err(StateError::Place("`rediss://` asks for TLS, which is not there yet; use a tunnel to the store"))
            }
            Some(_) => Err(StateError::Place("a URL of a store begins with `redis://`")),
            None if spec.is_empty() || spec.contains('\0') => {
                Err(StateError::Place("the path is empty or holds a NUL"))
            }
            None => Ok(Self::File(folder.join(spec))),
        }
    }

    /// Opens it. A file that is not there is made, for its owner alone; to a server no connection is made yet.
    ///
    /// # Errors
    /// When the file is something else, of another version or damaged, or the system refuses it.
    pub fn open(&self, clock: Clock) -> Result<Arc<dyn State>, StateError> {
        Ok(match self {
            Self::File(path) => Arc::new(Sqlite::open(path, clock)?),
            Self::Server(address) => Arc::new(Redis::new(address.clone(), Patience::default())?),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(&shown(path)),
            Self::Server(address) => address.fmt(f),
        }
    }
}

impl Address {
    /// Reads `[user:password@]host[:port][/database]`.
    fn parse(text: &str) -> Result<Self, StateError> {
        // Behind the last `@`: there is none in a host, and whoever forgot to encode one in a password meant the last.
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let rule = HostRule::parse(authority).ok().filter(|rule| !rule.below);
        let rule = rule.ok_or(StateError::Place("its host is no name or address with a port from 1 to 65535"))?;
        let digits = database.bytes().all(|byte| byte.is_ascii_digit());
        let number = if database.is_empty() { Some(0) } else { database.parse().ok().filter(|_| digits) };
        let database = number.filter(|number| *number <= MAX_DATABASE);
        let database = database.ok_or(StateError::Place("a database is a number, and nothing follows it"))?;
        let (user, password) = user.map_or(Ok((None, None)), credentials)?;
        Ok(Self { host: rule.host, port: rule.port.unwrap_or(PORT), database, user, password })
    }
}

/// `user:password`, or `:password` for the default user.
fn credentials(text: &str) -> Result<(Option<String>, Option<Zeroizing<String>>), StateError> {
    let (user, password) = text.split_once(':').ok_or(StateError::Place("a password follows a colon"))?;
    let user = if user.is_empty() { None } else { Some(decoded(user)?.to_string()) };
    Ok((user, Some(decoded(password)?)))
}

/// `text` without percent-encoding.
fn decoded(text: &str) -> Result<Zeroizing<String>, StateError> {
    const WRONG: StateError = StateError::Place("a `%` in a user or password is written `%25`");
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(WRONG)?;
        let [byte] = unhex(digits).ok_or(WRONG)?;
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    let decoded = std::str::from_utf8(&bytes).map_err(|_| WRONG)?;
    Ok(Zeroizing::new(decoded.to_owned()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, .. } = self;
        if host.contains(':') {
            write!(f, "redis://[{host}]:{port}/{database}")
        } else {
            write!(f, "redis://{host}:{port}/{database}")
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = if self.password.is_some() { " with a password" } else { "" };
        write!(f, "{self}{password}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(spec: &str) -> Result<Place, StateError> {
        Place::parse(spec, Path::new("/here"))
    }

    fn server(host: &str, port: u16, database: u32, user: Option<&str>, password: Option<&str>) -> Place {
        let (user, password) = (user.map(str::to_owned), password.map(|text| Zeroizing::new(text.to_owned())));
        Place::Server(Address { host: host.to_owned(), port, database, user, password })
    }

    #[test]
    fn places_are_read_as_they_are_written() {
        for (spec, place) in [
            ("redis://127.0.0.1:6380/3", server("127.0.0.1", 6380, 3, None, None)),
            ("redis://store.example.com", server("store.example.com", 6379, 0, None, None)),
            ("redis://Store:7/", server("store", 7, 0, None, None)),
            ("redis://:secret@localhost/1", server("localhost", 6379, 1, None, Some("secret"))),
            ("redis://me:s%40c%3a%25@[::1]:7/0", server("::1", 7, 0, Some("me"), Some("s@c:%"))),
            ("redis://me:a@b/c:d@h", server("h", 6379, 0, Some("me"), Some("a@b/c:d"))),
            ("redis://me:@h", server("h", 6379, 0, Some("me"), Some(""))),
            ("state.sqlite", Place::File("/here/state.sqlite".into())),
            ("/there/s", Place::File("/there/s".into())),
        ] {
            assert_eq!(parse(spec), Ok(place), "{spec}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused_and_not_repeated() {
        for spec in [
            "",
            "a\0b",
            "rediss://h:1/0",
            "http://h/",
            "redis://",
            "redis://h:0",
            "redis://h:70000",
            "redis://*.h",
            "redis://h/one",
            "redis://h/1/2",
            "redis://h/+1",
            "redis://h/99999999999",
            "redis://h?db=1",
            "redis://hunter2@h",
            "redis://:hunter2%4@h",
            "redis://:hunter2%zz@h",
            "redis://:hunter2%ff@h",
            "redis://:hunter2@",
        ] {
            let error = parse(spec).expect_err(spec);
            assert_eq!(error.code(), "state-place", "{spec}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_is_in_nothing_that_is_shown() {
        let place = parse("redis://me:hunter2@h/2").expect("a server");
        assert_eq!(format!("{place} {place:?}"), "redis://h:6379/2 Server(redis://h:6379/2 with a password)");
        assert_eq!(parse("redis://[::1]").expect("a server").to_string(), "redis://[::1]:6379/0");
    }
}
