//! Where a request may go: a URL is taken apart once, and that one reading of it is what is held against the list of
//! hosts, what is looked up and what is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::http::{Uri, uri::Scheme};

use crate::manifest::{BadHost, HostRule, Hosts};

/// A URL that is no target of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotATarget {
    /// Anything but `http://…` and `https://…`, or with characters that no URL that is asked has.
    #[error("it is no http or https URL as it can be asked; all that is not ASCII is percent-encoded in one")]
    NotHttp,
    /// Its host is none, or nobody could say which.
    #[error("{0}")]
    Host(BadHost),
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    uri: Uri,
    secure: bool,
    /// In lower case; an address in its one spelling, without brackets.
    host: String,
    port: u16,
}

impl Target {
    /// Takes `url` apart.
    pub(crate) fn parse(url: &str) -> Result<Self, NotATarget> {
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#') {
            return Err(NotATarget::NotHttp);
        }
        Self::of(url.parse().map_err(|_| NotATarget::NotHttp)?)
    }

    /// Reads what is already taken apart.
    pub(super) fn of(uri: Uri) -> Result<Self, NotATarget> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        if !secure && uri.scheme() != Some(&Scheme::HTTP) {
            return Err(NotATarget::NotHttp);
        }
        let authority = uri.authority().ok_or(NotATarget::NotHttp)?;
        // A host of a URL is written as an entry of the list is, but for the star.
        let HostRule { host, below, port } = HostRule::parse(authority.as_str()).map_err(NotATarget::Host)?;
        if below {
            return Err(NotATarget::Host(BadHost::Star));
        }
        Ok(Self { uri, secure, host, port: port.unwrap_or(if secure { 443 } else { 80 }) })
    }

    /// Where `location`, as a server gives it, leads from here.
    pub(super) fn follow(&self, location: &str) -> Result<Self, NotATarget> {
        let location = location.split('#').next().unwrap_or_default();
        let (path, query) = location.split_once('?').map_or((location, None), |(path, query)| (path, Some(query)));
        let origin = format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority());
        let mut url = match path {
            _ if has_scheme(path) => path.to_owned(),
            _ if path.starts_with("//") => format!("{}:{path}", if self.secure { "https" } else { "http" }),
            "" => format!("{origin}{}", self.uri.path()),
            _ if path.starts_with('/') => format!("{origin}{}", without_dots(path)),
            _ => {
                let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{origin}{}", without_dots(&format!("{folder}/{path}")))
            }
        };
        let query = if location.is_empty() { self.uri.query() } else { query };
        if let Some(query) = query {
            url.push('?');
            url.push_str(query);
        }
        Self::parse(&url)
    }

    /// The URL that a request is made with.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Host and port as the URL has them.
    pub(super) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Whether it is asked over TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether what is meant for the one may be sent to the other.
    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    /// Whether `hosts` lets a request go there.
    pub(crate) fn is_in(&self, hosts: &Hosts) -> bool {
        hosts.allows(&self.host, self.port)
    }

    /// Whether its host is `localhost`.
    pub(super) fn is_this_machine(&self) -> bool {
        self.host == "localhost"
    }

    /// The addresses of a host that nobody has to be asked for: an IP address, and `localhost`, which is this machine
    /// whatever anybody says.
    pub(super) fn known_addresses(&self) -> Option<Vec<SocketAddr>> {
        let addresses: Vec<IpAddr> = match self.host.as_str() {
            "localhost" => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            host => vec![host.parse().ok()?],
        };
        Some(addresses.into_iter().map(|address| SocketAddr::new(address, self.port)).collect())
    }

    /// What a resolver is asked where the addresses are not known.
    pub(super) fn name(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

/// Whether a reference begins with a scheme, as in RFC 3986, 4.2.
fn has_scheme(path: &str) -> bool {
    let scheme = path.split('/').next().and_then(|segment| segment.split_once(':')).map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))
}

/// `path` with `.` and `..` taken out, as in RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(hosts: &Hosts, url: &str, expect: &str) {
        let got = match Target::parse(url) {
            Err(_) => "none",
            Ok(target) if target.is_in(hosts) => "yes",
            Ok(_) => "no",
        };
        assert_eq!(got, expect, "{url} {hosts:?}");
    }

    #[test]
    fn without_a_list_only_this_machine_is_reached_however_a_url_is_spelled() {
        for (url, expect) in [
            ("http://127.0.0.1/", "yes"),
            ("http://127.0.0.1:3012/a?b=c@d", "yes"),
            ("https://127.255.0.3", "yes"),
            ("http://localhost:80/", "yes"),
            ("HTTP://LocalHost/", "yes"),
            ("http://[::1]:8080/", "yes"),
            ("http://[0:0:0:0:0:0:0:1]/", "yes"),
            ("http://[::ffff:127.0.0.1]/", "no"),
            ("http://[::2]/", "no"),
            ("http://0.0.0.0/", "no"),
            ("http://128.0.0.1/", "no"),
            ("http://evil.example/", "no"),
            ("http://localhost.evil.example/", "no"),
            ("http://a.localhost/", "no"),
            ("http://127.0.0.1.evil.example/", "no"),
            ("http://evil.example#@127.0.0.1/", "none"),
            ("http://127.0.0.1/#", "none"),
            ("http://evil.example?@127.0.0.1/", "no"),
            ("http://evil.example/@127.0.0.1/", "no"),
            ("http://127.0.0.1@evil.example/", "none"),
            ("http://127.0.0.1:80@evil.example/", "none"),
            ("http://user@127.0.0.1/", "none"),
            ("http://a@b@127.0.0.1/", "none"),
            ("http://evil.example\\@127.0.0.1/", "none"),
            ("http://127.0.0.1\\.evil.example/", "none"),
            ("http://localhost./", "none"),
            ("http://127.0.0.1./", "none"),
            ("http://2130706433/", "none"),
            ("http://0x7f000001/", "none"),
            ("http://0x7f.1/", "none"),
            ("http://127.1/", "none"),
            ("http://0177.0.0.1/", "none"),
            ("http://127.0.0.01/", "none"),
            ("http://127.0.0.1.1/", "none"),
            ("http://256.0.0.1/", "none"),
            ("http://[::1%25lo]/", "none"),
            ("http://[127.0.0.1]/", "none"),
            ("http://127.0.0.1:99999/", "none"),
            ("http://127.0.0.1:/", "none"),
            ("http://127.0.0.1:+80/", "none"),
            ("http://127.0.0.1%2eevil.example/", "none"),
            ("http://１２７.0.0.1/", "none"),
            ("http://ⓛocalhost/", "none"),
            ("http://local host/", "none"),
            ("http://127.0.0.1/\r\nhost: evil", "none"),
            ("http://127.0.0.1/ä", "none"),
            ("ftp://127.0.0.1/", "none"),
            ("file:///etc/passwd", "none"),
            ("http:127.0.0.1", "none"),
            ("//127.0.0.1/", "none"),
            ("127.0.0.1", "none"),
            ("http:///", "none"),
            ("http://..", "none"),
            ("", "none"),
        ] {
            check(&Hosts::Loopback, url, expect);
        }
    }

    #[test]
    fn a_list_means_what_it_says_and_nothing_else() {
        for (written, url, expect) in [
            ("api.example.com", "https://api.example.com/", "yes"),
            ("api.example.com", "https://API.Example.COM:8443/", "yes"),
            ("api.example.com", "https://api.example.com.:443/", "none"),
            ("api.example.com", "https://example.com/", "no"),
            ("api.example.com", "https://x.api.example.com/", "no"),
            ("api.example.com", "http://127.0.0.1/", "no"),
            ("api.example.com", "http://localhost/", "no"),
            ("*.example.com", "https://a.example.com/", "yes"),
            ("*.example.com", "https://a.b.example.com/", "yes"),
            ("*.example.com", "https://example.com/", "no"),
            ("*.example.com", "https://evilexample.com/", "no"),
            ("*.example.com", "https://.example.com/", "none"),
            ("*.example.com", "https://a.example.com.evil/", "no"),
            ("*.example.com:443", "https://a.example.com/", "yes"),
            ("*.example.com:443", "http://a.example.com/", "no"),
            ("xn--bcher-kva.example", "http://xn--bcher-kva.example/", "yes"),
            ("xn--bcher-kva.example", "http://bücher.example/", "none"),
            ("10.0.0.5:8080", "http://10.0.0.5:8080/", "yes"),
            ("10.0.0.5:8080", "http://10.0.0.5/", "no"),
            ("10.0.0.5:8080", "http://10.0.0.5:80/", "no"),
            ("10.0.0.5", "http://[::ffff:10.0.0.5]/", "no"),
            ("*.example.com", "https://*.example.com/", "none"),
            ("[::1]:80", "http://[::1]/", "yes"),
            ("[::1]:80", "http://[0::1]:80/", "yes"),
            ("[::1]:80", "http://[::1]:81/", "no"),
            ("[::1]", "http://[::1]:81/", "yes"),
            ("localhost", "http://localhost:1/", "yes"),
            ("localhost", "http://127.0.0.1:1/", "no"),
        ] {
            let rule = |entry| HostRule::parse(entry).expect("an entry");
            check(&Hosts::Listed(vec![rule("other.example"), rule(written)]), url, expect);
        }
        check(&Hosts::Listed(Vec::new()), "http://127.0.0.1/", "no");
    }

    #[test]
    fn nobody_is_asked_where_an_address_or_this_machine_is() {
        let known = |url: &str| Target::parse(url).expect("a target").known_addresses();
        let addresses = |list: &[&str]| Some(list.iter().map(|address| address.parse().expect("an address")).collect());
        assert_eq!(known("http://LOCALHOST:7/"), addresses(&["127.0.0.1:7", "[::1]:7"]));
        assert_eq!(known("https://10.0.0.5/"), addresses(&["10.0.0.5:443"]));
        assert_eq!(known("http://[::2]/"), addresses(&["[::2]:80"]));
        assert_eq!(known("http://example.com/"), None);
    }

    #[test]
    fn a_redirect_leads_where_every_client_goes() {
        for (location, expect) in [
            ("http://other/x", "http://other/x"),
            ("https://h:81/x", "https://h:81/x"),
            ("//other:1/x?y", "http://other:1/x?y"),
            ("/x/./y/../z", "http://h:80/x/z"),
            ("/..", "http://h:80/"),
            ("x", "http://h:80/a/x"),
            ("./x?n=/../", "http://h:80/a/x?n=/../"),
            ("../x", "http://h:80/x"),
            ("../../../x", "http://h:80/x"),
            ("..", "http://h:80/"),
            ("?n=1", "http://h:80/a/b?n=1"),
            ("", "http://h:80/a/b?q=1"),
            ("#part", "http://h:80/a/b?q=1"),
            ("x#/part", "http://h:80/a/x"),
            ("x/c:d", "http://h:80/a/x/c:d"),
        ] {
            let from = Target::parse("http://h:80/a/b?q=1").expect("a target");
            assert_eq!(from.follow(location).map(|to| to.uri().to_string()), Ok(expect.to_owned()), "{location}");
        }
        for location in
            ["javascript:alert(1)", "ftp://h/", "http:/x", "http:x", "//", "//a@b/", "/ä", "/a b", "file:///x"]
        {
            let from = Target::parse("http://h/").expect("a target");
            assert!(from.follow(location).is_err(), "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let target = |url: &str| Target::parse(url).expect("a target");
        assert!(target("http://h/a").is_same_origin(&target("http://H:80/b")));
        for other in ["https://h/a", "http://h:81/a", "http://i/a"] {
            assert!(!target("http://h/a").is_same_origin(&target(other)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_target_or_none_and_what_is_reached_without_a_list_is_this_machine(
            text in "\\PC{0,40}",
            host in "[0-9a-fx.:@\\[\\]%#?/\\\\-]{0,24}",
        ) {
            for url in [text.clone(), format!("http://{text}"), format!("http://{host}"), format!("http://{host}/")] {
                if let Ok(target) = Target::parse(&url) && target.is_in(&Hosts::Loopback) {
                    let addresses = target.known_addresses().expect("nobody is asked");
                    prop_assert!(addresses.iter().all(|address| address.ip().is_loopback()));
                }
            }
            if let Ok(target) = Target::parse("http://127.0.0.1/a/b") {
                let _ = target.follow(&text);
                let _ = target.follow(&host);
            }
        }
    }
}
