//! `state`: where the state of agents is kept, as a path or a URL.

use std::{fmt, path::Path};

use super::{
    Hosts, Login, Part, RedisPlan, StatePlan, Template,
    hosts::{BadHost, authority},
    network::refusal,
    problems::{Problems, quoted},
    reader::Table,
};
use crate::{diagnostic::Diagnostic, digest::unhex};

const SCHEME: &str = "redis://";
/// The port of Redis.
const PORT: u16 = 6379;
/// The highest number of a database; servers have 16 where nobody says otherwise.
const HIGHEST_DATABASE: u32 = 9_999;
/// What stands for a variable while the text around it is read; no URL has it.
const VARIABLE: char = '\0';

/// A text that names no place for the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// It is empty, or holds a NUL.
    #[error("it names no file")]
    Empty,
    /// A `${` that opens no variable.
    #[error("a variable is written `${{env:NAME}}`")]
    Template,
    /// A URL of another scheme.
    #[error("it is a path, or a URL that starts with `redis://`")]
    Scheme,
    /// `rediss://`.
    #[error("a store over TLS is not available in this version: put a tunnel on this machine before it")]
    Tls,
    /// A variable of the environment where the server is named, or in a path.
    #[error("a variable stands only for the user and the password")]
    Variable,
    /// A password in the text itself.
    #[error("the password stands in it, where everybody reads it: write `redis://:${{env:NAME}}@HOST`")]
    Password,
    /// A user without a password.
    #[error("a user has a password behind a `:`, as in `redis://USER:${{env:NAME}}@HOST`")]
    User,
    /// A `%` that stands for no byte, or bytes that are no text.
    #[error("a `%` in a user is written `%25`")]
    Encoding,
    /// What stands behind the user is no host.
    #[error("{0}")]
    Host(BadHost),
    /// What stands behind the host is no number of a database.
    #[error("behind the host stands nothing, or the number of a database from 0 to {HIGHEST_DATABASE}")]
    Database,
    /// A character that no URL has.
    #[error("white space, a `?`, a `#` and all that is not ASCII do not stand in it")]
    Character,
}

impl BadState {
    /// What is told of `text`, which names no place for the state.
    #[must_use]
    pub fn problem(self, text: &str) -> Diagnostic {
        // Before an `@` may stand a password.
        let shown = if text.contains('@') { "`state`".to_owned() } else { quoted(text) };
        Diagnostic::new("bad-state", format!("{shown} names no place for the state")).help(self.to_string())
    }
}

impl StatePlan {
    /// The place that `text` names: a URL `redis://[[USER]:${env:NAME}@]HOST[:PORT][/DATABASE]`, or the path of a SQLite file
    /// from `folder`.
    ///
    /// # Errors
    /// When it names none, or holds a password.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, BadState> {
        if !text.contains("://") {
            return match text {
                _ if text.is_empty() || text.contains('\0') => Err(BadState::Empty),
                _ if text.contains("${") => Err(BadState::Variable),
                _ => Ok(Self::File(folder.join(text))),
            };
        }
        if text.starts_with("rediss://") {
            return Err(BadState::Tls);
        }
        if !text.starts_with(SCHEME) {
            return Err(BadState::Scheme);
        }
        redis(Template::parse(text).map_err(|_| BadState::Template)?).map(Self::Redis)
    }
}

fn redis(url: Template) -> Result<RedisPlan, BadState> {
    let is_plain = |character: char| matches!(character, '!'..='~') && !"?#\"<>\\^`{|}".contains(character);
    let mut flat = String::new();
    for part in &url.parts {
        match part {
            Part::Text(text) if !text.chars().all(is_plain) => return Err(BadState::Character),
            Part::Text(text) => flat.push_str(text),
            Part::Env(_) => flat.push(VARIABLE),
        }
    }
    let rest = flat.strip_prefix(SCHEME).ok_or(BadState::Scheme)?;
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, server) = server.rsplit_once('@').map_or((None, server), |(login, server)| (Some(login), server));
    if server.contains(VARIABLE) || path.contains(VARIABLE) {
        return Err(BadState::Variable);
    }
    let (host, port) = authority(server).map_err(BadState::Host)?;
    let mut names = url.variables();
    let login = login.map(|login| self::login(login, &mut names)).transpose()?;
    Ok(RedisPlan { host, port: port.unwrap_or(PORT), database: database(path)?, login })
}

/// `USER:PASSWORD`: a user may stand there, and a password that is nothing but variables has to.
fn login<'n>(login: &str, names: &mut impl Iterator<Item = &'n str>) -> Result<Login, BadState> {
    let (user, password) = login.split_once(':').ok_or(BadState::User)?;
    if password.is_empty() || !password.chars().all(|character| character == VARIABLE) {
        return Err(BadState::Password);
    }
    Ok(Login { user: parts(user, names)?, password: parts(password, names)? })
}

/// Text and variables in turn. What a variable holds is taken as it is; text is percent-encoded in a URL.
fn parts<'n>(flat: &str, names: &mut impl Iterator<Item = &'n str>) -> Result<Vec<Part>, BadState> {
    let mut parts = Vec::new();
    for (at, text) in flat.split(VARIABLE).enumerate() {
        if at > 0 {
            parts.extend(names.next().map(|name| Part::Env(name.to_owned())));
        }
        if !text.is_empty() {
            parts.push(Part::Text(decoded(text)?));
        }
    }
    Ok(parts)
}

/// `text` without percent-encoding.
fn decoded(text: &str) -> Result<String, BadState> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or(BadState::Encoding)?;
        bytes.extend(unhex::<1>(digits).ok_or(BadState::Encoding)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| BadState::Encoding)
}

fn database(path: &str) -> Result<u32, BadState> {
    match path {
        "" => Ok(0),
        digits if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|number| *number <= HIGHEST_DATABASE).ok_or(BadState::Database)
        }
        _ => Err(BadState::Database),
    }
}

impl fmt::Display for RedisPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, .. } = self;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{SCHEME}{open}{host}{close}:{port}/{database}")
    }
}

/// What stands at `state`.
pub(super) fn state(root: Table<'_>, folder: &Path, hosts: Option<&Hosts>, problems: &mut Problems<'_>) -> StatePlan {
    let Some(text) = root.string("state", problems) else { return StatePlan::User };
    match StatePlan::parse(text.it, folder) {
        Ok(state) => {
            if let (StatePlan::Redis(redis), Some(hosts)) = (&state, hosts)
                && let Some(problem) = refusal(hosts, &redis.host, redis.port)
            {
                problems.add(text.at, problem);
            }
            state
        }
        Err(error) => {
            problems.add(text.at, error.problem(text.it));
            StatePlan::User
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Result<String, BadState> {
        StatePlan::parse(text, Path::new("d")).map(|state| match state {
            StatePlan::User => "user".to_owned(),
            StatePlan::File(path) => path.display().to_string(),
            StatePlan::Redis(redis) => {
                let shown = |part: &Part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Env(name) => format!("<{name}>"),
                };
                let said = |parts: &[Part]| parts.iter().map(shown).collect::<String>();
                let login =
                    redis.login.as_ref().map(|login| format!(" {}:{}", said(&login.user), said(&login.password)));
                format!("{redis}{}", login.unwrap_or_default())
            }
        })
    }

    #[test]
    fn a_state_is_a_file_or_a_server_that_is_known_before_anything_runs() {
        for (text, expect) in [
            ("state.sqlite", Ok("d/state.sqlite")),
            ("/var/lib/p.db", Ok("/var/lib/p.db")),
            ("redis://127.0.0.1", Ok("redis://127.0.0.1:6379/0")),
            ("redis://[::1]:7000/15", Ok("redis://[::1]:7000/15")),
            ("redis://DB.Example.com/", Ok("redis://db.example.com:6379/0")),
            ("redis://:${env:PW}@localhost:1/2", Ok("redis://localhost:1/2 :<PW>")),
            ("redis://ci:${env:A}${env:B}@h", Ok("redis://h:6379/0 ci:<A><B>")),
            ("redis://${env:U}@x%3a%25:${env:PW}@h", Ok("redis://h:6379/0 <U>@x:%:<PW>")),
            ("", Err(BadState::Empty)),
            ("a\0b", Err(BadState::Empty)),
            ("redis://u%4:${env:PW}@h", Err(BadState::Encoding)),
            ("redis://u%zz:${env:PW}@h", Err(BadState::Encoding)),
            ("redis://u%ff:${env:PW}@h", Err(BadState::Encoding)),
            ("${env:HOME}/state", Err(BadState::Variable)),
            ("rediss://h", Err(BadState::Tls)),
            ("REDIS://h", Err(BadState::Scheme)),
            ("postgres://h", Err(BadState::Scheme)),
            ("${env:URL}://h", Err(BadState::Scheme)),
            ("redis://${env:HOST}", Err(BadState::Variable)),
            ("redis://h:${env:PORT}/", Err(BadState::Variable)),
            ("redis://h/${env:DB}", Err(BadState::Variable)),
            ("redis://h/${DB}", Err(BadState::Template)),
            ("redis://:hunter2@h", Err(BadState::Password)),
            ("redis://:${env:PW}x@h", Err(BadState::Password)),
            ("redis://u:@h", Err(BadState::Password)),
            ("redis://u@h", Err(BadState::User)),
            ("redis://", Err(BadState::Host(BadHost::Name))),
            ("redis://h:0", Err(BadState::Host(BadHost::Port))),
            ("redis://a,b", Err(BadState::Host(BadHost::Name))),
            ("redis://h/0/1", Err(BadState::Database)),
            ("redis://h/-1", Err(BadState::Database)),
            ("redis://h/10000", Err(BadState::Database)),
            ("redis://h?db=1", Err(BadState::Character)),
            ("redis://h/1#x", Err(BadState::Character)),
            ("redis://h /1", Err(BadState::Character)),
            ("redis://\u{0}:${env:A}@h", Err(BadState::Character)),
        ] {
            assert_eq!(told(text), expect.map(str::to_owned), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_password_in_the_text_is_ever_taken(user in "[a-z]{0,3}", password in "[a-zA-Z0-9%$:@/]{1,12}") {
            if let Ok(StatePlan::Redis(redis)) = StatePlan::parse(&format!("redis://{user}:{password}@h"), Path::new("")) {
                prop_assert!(redis.login.is_none(), "{redis:?}");
            }
        }

        #[test]
        fn any_text_is_a_place_or_a_problem(text in "(redis://)?[a-z0-9:@/.\\[\\]${}env\\x00-]{0,30}|\\PC{0,20}") {
            let _ = StatePlan::parse(&text, Path::new("d"));
        }
    }
}
