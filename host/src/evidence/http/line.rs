//! The connection: where it is made to, and what is no good end of it.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

use ureq::{
    Agent, Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport},
    },
};

use super::reach::Target;
use crate::manifest::Hosts;

/// The most addresses of a host that are tried; what the client library has room for.
const MAX_ADDRESSES: usize = 16;

/// The most bytes of a response's status line and headers. Their number is limited to 128 by the client library.
pub(super) const MAX_HEAD: usize = 64 << 10;

/// A client that reaches `hosts` and nothing else, through no proxy, and follows nothing by itself.
///
/// Over TLS, it trusts the certificate authorities that Mozilla does, as of the client library's version, and not those that
/// the machine trusts. `timeout` is for one request. That the whole of an exchange ends in time is up to who waits for it.
pub(crate) fn client(hosts: Hosts, timeout: Duration) -> Agent {
    let config = Config::builder()
        // Read from the environment where nobody says otherwise, and would be another host than the one on the list.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(MAX_HEAD)
        .max_idle_connections(0)
        .timeout_global(Some(timeout))
        .build();
    Agent::with_parts(config, Line::default(), Lookup { hosts })
}

/// Looks hosts up, and once more holds each against the list: no connection is made that did not come through here.
#[derive(Debug)]
struct Lookup {
    hosts: Hosts,
}

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let target = Target::of(uri.clone()).map_err(|error| Error::BadUri(error.to_string()))?;
        if !target.is_in(&self.hosts) {
            return Err(Error::HostNotFound);
        }
        let mut resolved = self.empty();
        for address in addresses(&target)?.into_iter().take(MAX_ADDRESSES) {
            resolved.push(address);
        }
        if resolved.is_empty() { Err(Error::HostNotFound) } else { Ok(resolved) }
    }
}

/// The system's resolver is asked for names only: linked statically it needs libraries of the machine that it runs on.
fn addresses(target: &Target) -> Result<Vec<SocketAddr>, Error> {
    match target.known_addresses() {
        Some(known) => Ok(known),
        None => target.name().to_socket_addrs().map(Iterator::collect).map_err(|_| Error::HostNotFound),
    }
}

/// TCP, and TLS over it where the URL says https. There is no place for a proxy in it.
#[derive(Debug, Default)]
struct Line {
    tcp: TcpConnector,
    tls: RustlsConnector,
}

/// A handshake that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TlsFailed(String);

impl Connector for Line {
    type Out = Watched;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Watched>, Error> {
        let tcp = self.tcp.connect(details, None::<()>)?;
        let line = self.tls.connect(details, tcp).map_err(|error| match error {
            Error::Timeout(timeout) => Error::Timeout(timeout),
            error => Error::Other(Box::new(TlsFailed(error.to_string()))),
        })?;
        Ok(line.map(|line| Watched(Box::new(line))))
    }
}

/// A connection that was cut off. The client library takes a reset, and TLS that breaks off without its closing alert,
/// for the end of a body that says nothing of its length: anybody in between could shorten evidence so.
#[derive(Debug)]
struct Watched(Box<dyn Transport>);

impl Transport for Watched {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout).map_err(|error| match error {
            Error::Io(error) if is_cut(error.kind()) => Error::Io(io::Error::new(ErrorKind::BrokenPipe, error)),
            error => error,
        })
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// Whether the other side is gone.
pub(super) fn is_cut(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

#[cfg(test)]
mod tests {
    use ureq::unversioned::transport::NextTimeout;

    use super::*;

    #[test]
    fn the_lookup_refuses_what_is_not_on_the_list_whoever_asks() {
        let lookup = Lookup { hosts: Hosts::Loopback };
        let resolve = |url: &str| {
            let uri: Uri = url.parse().expect("a URL");
            lookup.resolve(&uri, &Config::builder().build(), NextTimeout::default()).map(|found| found.to_vec())
        };
        let local = ["127.0.0.1:81".parse().expect("an address"), "[::1]:81".parse().expect("an address")];
        assert_eq!(resolve("http://localhost:81/").expect("this machine"), local);
        for url in ["http://198.51.100.1/", "http://example.com/", "http://127.0.0.1@example.com/", "http://127.1/"] {
            assert!(resolve(url).is_err(), "{url}");
        }
    }
}
