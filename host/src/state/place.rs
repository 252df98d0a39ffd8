//! Where a state is: a file, or a server and how to be let in. A password is shown nowhere.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{Clock, Patience, Redis, Sqlite, State, StateError};
use crate::{
    files::shown,
    manifest::{Part, RedisPlan, StatePlan},
};

/// The value of a variable of the environment.
type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

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
    /// The place that `plan` names; `own` is the file for a user's own state, where users have a folder for one.
    ///
    /// # Errors
    /// [`StateError::NoFolder`], [`StateError::Variable`].
    pub fn of(plan: &StatePlan, own: Option<PathBuf>, variable: Variable<'_>) -> Result<Self, StateError> {
        match plan {
            StatePlan::User => own.map(Self::File).ok_or(StateError::NoFolder),
            StatePlan::File(path) => Ok(Self::File(path.clone())),
            StatePlan::Redis(plan) => Address::of(plan, variable).map(Self::Server),
        }
    }

    /// The place that `spec` names, as [`StatePlan::parse`] reads it.
    ///
    /// # Errors
    /// [`StateError::Place`], [`StateError::Variable`].
    pub fn parse(spec: &str, folder: &Path, variable: Variable<'_>) -> Result<Self, StateError> {
        Self::of(&StatePlan::parse(spec, folder)?, None, variable)
    }

    /// Every file that belongs to it: its own, and the log with its index.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::File(path) => crate::sqlite::files(path).into(),
            Self::Server(_) => Vec::new(),
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
    fn of(plan: &RedisPlan, variable: Variable<'_>) -> Result<Self, StateError> {
        let RedisPlan { host, port, database, login } = plan;
        let (user, password) = match login {
            Some(login) => (Some(filled(&login.user, variable)?), Some(filled(&login.password, variable)?)),
            None => (None, None),
        };
        let user = user.filter(|user| !user.is_empty()).map(|user| user.to_string());
        Ok(Self { host: host.clone(), port: *port, database: *database, user, password })
    }
}

/// The text that `parts` come to.
fn filled(parts: &[Part], variable: Variable<'_>) -> Result<Zeroizing<String>, StateError> {
    let mut text = Zeroizing::new(String::new());
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Env(name) => {
                let value = variable(name).ok_or_else(|| StateError::Variable(name.clone()))?;
                text.push_str(&Zeroizing::new(value));
            }
        }
    }
    Ok(text)
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

    /// What the environment holds: a password with all that means something in a URL.
    fn variable(name: &str) -> Option<String> {
        match name {
            "USER" => Some("me".to_owned()),
            "PW" => Some("a@b/c:%25\u{1}".to_owned()),
            "NONE" => Some(String::new()),
            _ => None,
        }
    }

    fn parse(spec: &str) -> Result<Place, StateError> {
        Place::parse(spec, Path::new("/here"), &variable)
    }

    fn server(host: &str, port: u16, database: u32, user: Option<&str>, password: Option<&str>) -> Place {
        let (user, password) = (user.map(str::to_owned), password.map(|text| Zeroizing::new(text.to_owned())));
        Place::Server(Address { host: host.to_owned(), port, database, user, password })
    }

    #[test]
    fn places_are_read_as_they_are_written_and_variables_as_they_are_set() {
        let password = Some("a@b/c:%25\u{1}");
        for (spec, place) in [
            ("redis://127.0.0.1:6380/3", server("127.0.0.1", 6380, 3, None, None)),
            ("redis://Store:7/", server("store", 7, 0, None, None)),
            ("redis://:${env:PW}@localhost/1", server("localhost", 6379, 1, None, password)),
            ("redis://s%40c%3a%25:${env:PW}@[::1]:7/0", server("::1", 7, 0, Some("s@c:%"), password)),
            ("redis://${env:USER}2:${env:NONE}@h", server("h", 6379, 0, Some("me2"), Some(""))),
            ("redis://${env:NONE}:${env:USER}${env:PW}@h", server("h", 6379, 0, None, Some("mea@b/c:%25\u{1}"))),
            ("state.sqlite", Place::File("/here/state.sqlite".into())),
            ("/there/s", Place::File("/there/s".into())),
        ] {
            assert_eq!(parse(spec), Ok(place), "{spec}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused_and_not_repeated() {
        for (spec, code) in [
            ("", "state-place"),
            ("rediss://h:1/0", "state-place"),
            ("redis://:hunter2@h", "state-place"),
            ("redis://:${env:PW}hunter2@h", "state-place"),
            ("redis://:${env:GONE}@h", "state-env-missing"),
        ] {
            let error = parse(spec).expect_err(spec);
            assert_eq!(error.code(), code, "{spec}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_users_own_state_is_where_users_have_a_folder() {
        let own = PathBuf::from("/home/me/state.sqlite");
        let place = Place::of(&StatePlan::User, Some(own.clone()), &variable);
        assert_eq!(place, Ok(Place::File(own)));
        assert_eq!(Place::of(&StatePlan::User, None, &variable), Err(StateError::NoFolder));
    }

    #[test]
    fn a_password_is_in_nothing_that_is_shown() {
        let place = parse("redis://me:${env:PW}@h/2").expect("a server");
        assert_eq!(format!("{place} {place:?}"), "redis://h:6379/2 Server(redis://h:6379/2 with a password)");
        assert_eq!(parse("redis://[::1]").expect("a server").to_string(), "redis://[::1]:6379/0");
    }

    #[test]
    fn a_file_has_its_log_beside_it_and_a_server_has_no_files() {
        let files = parse("s").expect("a file").files();
        assert_eq!(files, ["/here/s", "/here/s-wal", "/here/s-shm"].map(PathBuf::from));
        assert_eq!(parse("redis://h").expect("a server").files(), Vec::<PathBuf>::new());
    }
}
