//! `[network] hosts`: where collecting may reach.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The hosts that may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Only this machine, since the manifest lists none.
    Loopback,
    /// Those listed, and no other; nothing at all where the list is empty.
    Listed(Vec<HostRule>),
}

impl Hosts {
    /// Whether `host`, with or without brackets and in any case, may be reached at `port`. A name is compared with names and
    /// an address with addresses: what a name resolves to is not known here. What is spelled as no list would spell it, such
    /// as a name with a dot behind it, may not.
    #[must_use]
    pub fn allows(&self, host: &str, port: u16) -> bool {
        let host = plain(host);
        match self {
            Self::Loopback => is_loopback(&host),
            Self::Listed(rules) => rules.iter().any(|rule| rule.covers(&host, port)),
        }
    }
}

/// An entry of the list: `api.example.com`, `*.example.com`, `10.0.0.5:8080`, `[::1]:80`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// The host in lower case, without brackets; behind a `*.`, all that is below it and not itself.
    pub host: String,
    /// Whether it was written with `*.`.
    pub below: bool,
    /// The port, where one is written; else any.
    pub port: Option<u16>,
}

/// A text that names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// A scheme, a path, a query, a user or a password stands around it.
    #[error("a host stands alone or with its port, without a scheme, a user or a path")]
    MoreThanAHost,
    /// The port is no number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// Neither a name nor an address as they are usually written.
    #[error("a host is a name of a-z, 0-9, `-`, `_` and `.`, an IPv4 address, or an IPv6 address in brackets")]
    Name,
    /// A `*` somewhere else than in front of a name.
    #[error("a `*` stands only in front of a name, as in `*.example.com`")]
    Star,
}

impl HostRule {
    /// The rule that an entry of the list is.
    ///
    /// # Errors
    /// When it is anything but a host, maybe with `*.` before its name and `:` and a port behind it.
    pub fn parse(text: &str) -> Result<Self, BadHost> {
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        if rest.contains(['/', '@', '?', '#', '\\']) {
            return Err(BadHost::MoreThanAHost);
        }
        if rest.contains('*') {
            return Err(BadHost::Star);
        }
        let (host, port) = authority(rest)?;
        if below && host.parse::<IpAddr>().is_ok() {
            return Err(BadHost::Star);
        }
        Ok(Self { host, below, port })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let same = if self.below {
            host.strip_suffix(self.host.as_str()).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
        } else {
            host == self.host
        };
        same && self.port.is_none_or(|own| own == port)
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*." } else { "" };
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => write!(f, "{star}{}", self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// The host of `HOST` or `HOST:PORT` in its one spelling (lower case, no brackets), and the port where there is one.
pub(super) fn authority(text: &str) -> Result<(String, Option<u16>), BadHost> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, behind) = bracketed.split_once(']').ok_or(BadHost::Name)?;
        let address: Ipv6Addr = address.parse().map_err(|_| BadHost::Name)?;
        let port = match behind.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if behind.is_empty() => None,
            None => return Err(BadHost::Name),
        };
        return Ok((address.to_string(), port));
    }
    // More than one colon is an IPv6 address without its brackets, which leaves open where it ends.
    let (host, port) = match text.split_once(':') {
        Some((_, behind)) if behind.contains(':') => return Err(BadHost::Name),
        Some((host, digits)) => (host, Some(port(digits)?)),
        None => (text, None),
    };
    if is_name(host) { Ok((host.to_ascii_lowercase(), port)) } else { Err(BadHost::Name) }
}

fn port(digits: &str) -> Result<u16, BadHost> {
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.filter(|port| *port > 0).ok_or(BadHost::Port)
}

/// Whether `text` is a name or an IPv4 address. Some resolvers read `127.1`, `0x7f.1` or `2130706433` as addresses, so what
/// ends in a number has to be an address as everybody reads it.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.len() <= 253 && text.split('.').all(label) && (!numeric || text.parse::<Ipv4Addr>().is_ok())
}

/// A host from elsewhere as [`authority`] spells it, as far as it can be.
fn plain(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().map_or_else(|_| bare.to_ascii_lowercase(), |address| address.to_string())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(entries: &[&str]) -> Hosts {
        Hosts::Listed(entries.iter().map(|entry| HostRule::parse(entry).expect(entry)).collect())
    }

    #[test]
    fn an_entry_is_a_host_in_one_spelling() {
        for (text, shown) in [
            ("API.Example.COM", "api.example.com"),
            ("*.example.com:443", "*.example.com:443"),
            ("10.0.0.5:8080", "10.0.0.5:8080"),
            ("[0:0::1]:80", "[::1]:80"),
            ("[FE80::A]", "[fe80::a]"),
            ("build_host-1", "build_host-1"),
            ("3scale:80", "3scale:80"),
            ("xn--gre-6ka8i.example", "xn--gre-6ka8i.example"),
        ] {
            assert_eq!(HostRule::parse(text).map(|rule| rule.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_a_host_is_no_entry() {
        for (text, expect) in [
            ("", BadHost::Name),
            ("http://a.example", BadHost::MoreThanAHost),
            ("a.example/", BadHost::MoreThanAHost),
            ("u@a.example", BadHost::MoreThanAHost),
            ("a.example:", BadHost::Port),
            ("a.example:0", BadHost::Port),
            ("a.example:+80", BadHost::Port),
            ("a.example:65536", BadHost::Port),
            ("a.example.", BadHost::Name),
            (".a.example", BadHost::Name),
            ("a..example", BadHost::Name),
            ("größe.example", BadHost::Name),
            ("a b", BadHost::Name),
            ("::1", BadHost::Name),
            ("[::1", BadHost::Name),
            ("[::1]80", BadHost::Name),
            ("[fe80::1%eth0]", BadHost::Name),
            ("[127.0.0.1]", BadHost::Name),
            ("127.1", BadHost::Name),
            ("0x7f.0x1", BadHost::Name),
            ("0X", BadHost::Name),
            ("a.1", BadHost::Name),
            ("2130706433", BadHost::Name),
            ("010.0.0.1", BadHost::Name),
            ("*", BadHost::Star),
            ("*.*.example", BadHost::Star),
            ("a.*", BadHost::Star),
            ("*.10.0.0.1", BadHost::Star),
            ("*.[::1]", BadHost::Star),
        ] {
            assert_eq!(HostRule::parse(text), Err(expect), "{text}");
        }
    }

    #[test]
    fn hosts_are_reached_as_the_list_says_and_without_one_only_this_machine() {
        let some = listed(&["api.example.com", "*.example.org:443", "10.0.0.5:8080", "[::1]"]);
        for (hosts, host, port, expect) in [
            (&some, "api.example.com", 1, true),
            (&some, "API.EXAMPLE.COM", 443, true),
            (&some, "api.example.com.", 443, false),
            (&some, "x.api.example.com", 443, false),
            (&some, "example.com", 443, false),
            (&some, "a.b.example.org", 443, true),
            (&some, "a.example.org", 80, false),
            (&some, "example.org", 443, false),
            (&some, ".example.org", 443, false),
            (&some, "evilexample.org", 443, false),
            (&some, "10.0.0.5", 8080, true),
            (&some, "10.0.0.5", 80, false),
            (&some, "[0:0:0::1]", 80, true),
            (&some, "::1", 80, true),
            (&some, "::ffff:10.0.0.5", 8080, false),
            (&some, "localhost", 80, false),
            (&some, "127.0.0.1", 80, false),
            (&some, "", 80, false),
            (&listed(&[]), "localhost", 80, false),
            (&listed(&[]), "127.0.0.1", 80, false),
            (&Hosts::Loopback, "LocalHost", 80, true),
            (&Hosts::Loopback, "127.9.8.7", 80, true),
            (&Hosts::Loopback, "[::1]", 80, true),
            (&Hosts::Loopback, "0.0.0.0", 80, false),
            (&Hosts::Loopback, "127.1", 80, false),
            (&Hosts::Loopback, "a.localhost", 80, false),
            (&Hosts::Loopback, "localhost.", 80, false),
            (&Hosts::Loopback, "::ffff:127.0.0.1", 80, false),
            (&Hosts::Loopback, "127.0.0.1.example.com", 80, false),
        ] {
            assert_eq!(hosts.allows(host, port), expect, "{host} {port} {hosts:?}");
        }
    }

    proptest! {
        #[test]
        fn an_entry_is_read_again_as_it_is_shown(text in "(\\*\\.)?[a-zA-Z0-9_.:\\[\\]-]{0,20}(:[0-9]{1,5})?") {
            if let Ok(rule) = HostRule::parse(&text) {
                prop_assert_eq!(HostRule::parse(&rule.to_string()), Ok(rule.clone()));
                let host = if rule.below { format!("x.{}", rule.host) } else { rule.host.clone() };
                prop_assert!(Hosts::Listed(vec![rule.clone()]).allows(&host, rule.port.unwrap_or(1)));
            }
        }
    }
}
