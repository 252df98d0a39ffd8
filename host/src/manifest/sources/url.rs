//! URLs as manifests write them: where one leads is plain text, so that it can be held against the hosts that may be
//! reached before anything runs.

use super::super::{
    Part, Template,
    hosts::{BadHost, authority},
};

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The host, in lower case and without brackets.
    pub(super) host: String,
    /// The port, the scheme's own where none is written.
    pub(super) port: u16,
}

/// A text that is no URL to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadUrl {
    /// Not `http://` or `https://`.
    #[error("it starts with `http://` or `https://`, in lower case")]
    Scheme,
    /// A variable of the environment stands before the path.
    #[error("a variable stands only behind the host and its port, which have to be known before anything runs")]
    Variable,
    /// A name or a password before the host.
    #[error("a user or a password does not stand in it; send them as a header")]
    User,
    /// What follows the scheme is no host.
    #[error("{0}")]
    Host(BadHost),
    /// A fragment, which is never sent.
    #[error("it has no fragment, which no server would see; a `#` is written %23")]
    Fragment,
    /// A character that has to be written otherwise.
    #[error("white space, `\"<>\\^{{|}}`, backticks and all that is not ASCII are percent-encoded in it")]
    Character,
}

/// Where `url` leads.
///
/// # Errors
/// When it is no URL of `http` or `https`, or leaves open where it leads.
pub(super) fn address(url: &Template) -> Result<Address, BadUrl> {
    let texts = url.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Env(_) => None,
    });
    texts.flat_map(str::chars).try_for_each(check)?;
    // Behind a text there is nothing, or a variable.
    let (first, variable_behind) = match url.parts.split_first() {
        Some((Part::Text(first), rest)) => (first.as_str(), !rest.is_empty()),
        Some((Part::Env(_), _)) => return Err(BadUrl::Variable),
        None => return Err(BadUrl::Scheme),
    };
    let schemes = [("http://", 80), ("https://", 443)];
    let after_scheme = schemes.iter().find_map(|(scheme, port)| Some((first.strip_prefix(scheme)?, *port)));
    let (rest, default_port) = match after_scheme {
        Some(found) => found,
        None if variable_behind && !first.contains("://") => return Err(BadUrl::Variable),
        None => return Err(BadUrl::Scheme),
    };
    let end = rest.find(['/', '?']);
    if end.is_none() && variable_behind {
        return Err(BadUrl::Variable);
    }
    let before_path = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    if before_path.contains('@') {
        return Err(BadUrl::User);
    }
    let (host, port) = authority(before_path).map_err(BadUrl::Host)?;
    Ok(Address { host, port: port.unwrap_or(default_port) })
}

fn check(character: char) -> Result<(), BadUrl> {
    match character {
        '#' => Err(BadUrl::Fragment),
        '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => Err(BadUrl::Character),
        '!'..='~' => Ok(()),
        _ => Err(BadUrl::Character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_url_leads_is_known_before_anything_runs() {
        for (url, expect) in [
            ("http://localhost", Ok(("localhost", 80))),
            ("https://API.Example.com/v1?a[]=1&b=${env:B}", Ok(("api.example.com", 443))),
            ("http://127.0.0.1:3012/${env:PATH}?message=ping", Ok(("127.0.0.1", 3012))),
            ("http://[::1]:80?x", Ok(("::1", 80))),
            ("", Err(BadUrl::Scheme)),
            ("localhost", Err(BadUrl::Scheme)),
            ("HTTP://localhost", Err(BadUrl::Scheme)),
            ("ftp://localhost/${env:A}", Err(BadUrl::Scheme)),
            ("${env:BASE}/v1", Err(BadUrl::Variable)),
            ("http${env:S}://localhost/", Err(BadUrl::Variable)),
            ("http://${env:HOST}/", Err(BadUrl::Variable)),
            ("http://localhost${env:DOMAIN}/", Err(BadUrl::Variable)),
            ("http://localhost:${env:PORT}/", Err(BadUrl::Variable)),
            ("http://user:pass@localhost/", Err(BadUrl::User)),
            ("http://localhost\\@evil.example/", Err(BadUrl::Character)),
            ("http://localhost/#top", Err(BadUrl::Fragment)),
            ("http://localhost/${env:A}#top", Err(BadUrl::Fragment)),
            ("http://localhost/a b", Err(BadUrl::Character)),
            ("http://localhost/\r\nx", Err(BadUrl::Character)),
            ("http://localhost/größe", Err(BadUrl::Character)),
            ("http://localhost/$${a}", Err(BadUrl::Character)),
            ("http:///path", Err(BadUrl::Host(BadHost::Name))),
            ("http://localhost:/", Err(BadUrl::Host(BadHost::Port))),
            ("http://localhost:99999/", Err(BadUrl::Host(BadHost::Port))),
            ("http://127.1/", Err(BadUrl::Host(BadHost::Name))),
            ("http://*.example.com/", Err(BadUrl::Host(BadHost::Name))),
        ] {
            let address = address(&Template::parse(url).expect(url));
            let got = address.as_ref().map(|address| (address.host.as_str(), address.port));
            assert_eq!(got, expect.as_ref().map(|expect| *expect), "{url}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_leads_somewhere_has_its_host_in_the_text(rest in "[a-z0-9.:@/?\\[\\]${}A-B-]{0,30}") {
            let url = format!("http://{rest}");
            if let Ok(Ok(address)) = Template::parse(&url).map(|url| address(&url)) {
                let lower = rest.to_ascii_lowercase();
                let brackets = lower.starts_with('[');
                proptest::prop_assert!(brackets || lower.starts_with(&address.host), "{:?}", address);
                proptest::prop_assert!(address.port > 0);
            }
        }
    }
}
