//! `[network]`: the hosts that collecting may reach, as they are written.

use super::{
    Hosts,
    hosts::HostRule,
    problems::{Problems, quoted},
    reader::Table,
};
use crate::diagnostic::Diagnostic;

/// The most entries; each exchange is held against all of them.
const MOST: usize = 256;

/// The hosts that may be reached, or nothing where the list has problems and nothing can be held against it.
pub(super) fn hosts(root: Table<'_>, problems: &mut Problems<'_>) -> Option<Hosts> {
    if root.get("network").is_none() {
        return Some(Hosts::Loopback);
    }
    let table = root.table("network", problems)?.only(&["hosts"], problems);
    let Some(node) = table.get("hosts") else { return Some(Hosts::Loopback) };
    let written = table.strings("hosts", problems);
    if written.len() > MOST {
        let message = format!("`hosts` has {} entries, and {MOST} are allowed", written.len());
        problems.add(node.span().start, Diagnostic::new("too-many-hosts", message));
        return None;
    }
    let is_read = node.get_ref().as_array().is_some_and(|entries| entries.len() == written.len());
    let rule = |entry: &super::reader::At<&str>| {
        HostRule::parse(entry.it)
            .map_err(|error| {
                let message = format!("{} is no host", quoted(entry.it));
                problems.add(entry.at, Diagnostic::new("bad-host", message).help(error.to_string()));
            })
            .ok()
    };
    let rules: Vec<_> = written.iter().filter_map(rule).collect();
    (is_read && rules.len() == written.len()).then_some(Hosts::Listed(rules))
}

/// The problem that `host` may not be reached at `port`, if that is so.
pub(super) fn refusal(hosts: &Hosts, host: &str, port: u16) -> Option<Diagnostic> {
    if hosts.allows(host, port) {
        return None;
    }
    let entry = HostRule { host: host.to_owned(), below: false, port: Some(port) }.to_string();
    let (message, help) = match hosts {
        Hosts::Loopback => (
            format!("{} is not this machine, and no other may be reached without a list", quoted(&entry)),
            format!("allow it, and then nothing else: `[network]` with `hosts = [\"{entry}\"]`"),
        ),
        Hosts::Listed(_) => (
            format!("{} is none of the hosts that may be reached", quoted(&entry)),
            format!("add \"{entry}\" to `hosts` in `[network]`"),
        ),
    };
    Some(Diagnostic::new("host-not-listed", message).help(help))
}
