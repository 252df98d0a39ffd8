//! One entry, as a line has it.

use std::fmt;

use jiff::civil::Date;

use super::{super::Fingerprint, Wrong};

const OWNER: &str = "owner";
const EXPIRES: &str = "expires";
/// Characters of an owner's name.
const NAME: usize = 100;

/// What lets findings of one name pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Their name, of either formula.
    pub fingerprint: Fingerprint,
    /// Why; empty where nobody says.
    pub reason: String,
    /// Who answers for it, without the `@`.
    pub owner: Option<String>,
    /// The last day on which it holds, in UTC.
    pub expires: Option<Date>,
    /// Its line in the file, from 1.
    pub line: usize,
}

impl Entry {
    /// Reads a line that is neither blank nor a comment.
    pub(super) fn parse(line: usize, text: &str) -> Result<Self, Wrong> {
        let (name, said) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let fingerprint = name.parse().map_err(|_| Wrong::NotAFingerprint(name.to_owned()))?;
        let said = said.trim_start();
        let said = said.strip_prefix('#').unwrap_or(said);
        let mut entry = Self { fingerprint, reason: String::new(), owner: None, expires: None, line };
        let mut words = said.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let is_apart = words.peek().is_some_and(|next| next.starts_with('='));
            entry.take(word, is_apart)?;
        }
        Ok(entry)
    }

    /// Takes a word; `is_apart` says whether the next one starts with a `=`, as nothing that counts is written.
    fn take(&mut self, word: &str, is_apart: bool) -> Result<(), Wrong> {
        match word.split_once('=') {
            Some((OWNER, name)) => {
                let name = name.strip_prefix('@').and_then(owner_of).ok_or_else(|| Wrong::BadOwner(word.to_owned()))?;
                set(&mut self.owner, name, OWNER)
            }
            Some((EXPIRES, day)) => {
                let day = day_of(day).ok_or_else(|| Wrong::BadDay(word.to_owned()))?;
                set(&mut self.expires, day, EXPIRES)
            }
            Some((key, _)) => self.say(word, key),
            None if is_apart => self.say(word, word),
            None => self.say(word, ""),
        }
    }

    /// Takes a word of the reason, unless `key` is nearly one that counts: who misspells it would suppress for ever.
    fn say(&mut self, word: &str, key: &str) -> Result<(), Wrong> {
        let key: String = key.chars().take(NAME).flat_map(char::to_lowercase).collect();
        let is_near = |known: &str, most| strsim::osa_distance(&key, known) <= most;
        let misspelt = |form| Err(Wrong::Misspelt { word: word.to_owned(), form });
        if is_near(EXPIRES, 2) {
            return misspelt("expires=YYYY-MM-DD");
        }
        if is_near(OWNER, 1) {
            return misspelt("owner=@name");
        }
        if !self.reason.is_empty() {
            self.reason.push(' ');
        }
        self.reason.push_str(word);
        Ok(())
    }

    /// Whether it holds no more on `today`.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }

    /// How many days it holds after `today`, where it has an end and has not come to it.
    #[must_use]
    pub fn days_left(&self, today: Date) -> Option<u32> {
        let days = self.expires?.duration_since(today).as_hours() / 24;
        u32::try_from(days).ok()
    }
}

fn set<T>(place: &mut Option<T>, value: T, key: &'static str) -> Result<(), Wrong> {
    if place.replace(value).is_some() { Err(Wrong::Repeated(key)) } else { Ok(()) }
}

/// The name of an owner, without the `@`: a person's, a team's or an address.
#[must_use]
pub fn owner_of(text: &str) -> Option<String> {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./+@".contains(character);
    let is_name = text.starts_with(char::is_alphanumeric) && text.chars().all(is_plain) && text.chars().count() <= NAME;
    is_name.then(|| text.to_owned())
}

/// The day that `text` names as `YYYY-MM-DD`.
#[must_use]
pub fn day_of(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(index, byte)| if index == 4 || index == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if is_plain { text.parse().ok() } else { None }
}

/// The line that says it.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fingerprint, reason, owner, expires, .. } = self;
        write!(f, "{fingerprint}  #")?;
        if !reason.is_empty() {
            write!(f, " {reason}")?;
        }
        if let Some(owner) = owner {
            write!(f, " {OWNER}=@{owner}")?;
        }
        if let Some(expires) = expires {
            write!(f, " {EXPIRES}={expires}")?;
        }
        Ok(())
    }
}
