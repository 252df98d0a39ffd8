//! A trust file, for people, for programs, and as a hand-written file to go on from.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use portcullis::{
    diagnostic::Diagnostic,
    files::shown,
    text::printable,
    trust::{KeyId, Publisher, RevocationRules, Role, Time, TrustFile, TrustRoot, Window},
};
use serde_json::{Value, json};

use super::{Exit, Failure, Outcome, host, read_root, term};
use crate::cli::table::{joined, table};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The trust file, signed root or bare payload of one
    file: PathBuf,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Write the root as a hand-written trust file, to change and rotate to
    #[arg(long, conflicts_with = "json")]
    toml: bool,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let now = host::now(self.now);
        let file = read_root(&self.file, now)?;
        if self.json {
            term::out_json(&as_json(&shown(&self.file), &file, now))?;
        } else if self.toml {
            term::out(&as_toml(&file.root)?)?;
        } else {
            term::out(&as_text(&shown(&self.file), &file, now))?;
        }
        Ok(Exit::Ok)
    }
}

fn as_json(path: &str, file: &TrustFile, now: Timestamp) -> Value {
    let root = &file.root;
    let ids = |ids: &[KeyId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    let role = |role: &Role| json!({"keyIds": ids(&role.keys), "threshold": role.threshold});
    let key = |key: &portcullis::trust::PublicKey| {
        let window = window(root, &key.id());
        json!({
            "id": key.id().to_string(), "short": key.to_short_form(), "notBefore": time(window.not_before),
            "notAfter": time(window.not_after), "counts": window.holds(now),
        })
    };
    let publisher = |publisher: &Publisher| {
        let kinds: Vec<_> = publisher.kinds.iter().map(|kind| kind.name()).collect();
        json!({
            "keyIds": ids(&publisher.role.keys), "threshold": publisher.role.threshold, "modules": publisher.modules,
            "kinds": kinds,
        })
    };
    let publishers: BTreeMap<_, _> = root.publishers().iter().map(|(name, it)| (name, publisher(it))).collect();
    let approvers: BTreeMap<_, _> = file
        .approvers
        .iter()
        .map(|(name, it)| {
            let keys: Vec<_> = it.keys.iter().map(|(key, _)| key.id().to_string()).collect();
            (name, json!({"keyIds": keys, "gates": it.gates}))
        })
        .collect();
    json!({
        "file": path,
        "digest": root.digest().to_string(),
        "version": root.version().get(),
        "epoch": root.epoch().get(),
        "issued": time(root.issued()),
        "expires": time(root.expires()),
        "valid": root.check_time(now).is_ok(),
        "keys": root.keys().map(key).collect::<Vec<_>>(),
        "roles": {"root": root.root_role().map(role), "revocation": root.revocation_role().map(role)},
        "publishers": publishers,
        "revocations": rules_json(&file.revocations),
        "approvers": approvers,
    })
}

fn rules_json(rules: &RevocationRules) -> Value {
    json!({
        "list": rules.list, "listId": rules.list_id, "required": rules.required, "state": rules.state,
        "maxAgeSeconds": rules.max_age.map(|age| age.as_secs()),
        "offlineGraceSeconds": rules.offline_grace.as_secs(),
        "minVersion": rules.min_version.map(|(epoch, version)| json!({"epoch": epoch.get(), "version": version.get()})),
        "deny": rules.deny, "emergency": rules.emergency,
    })
}

fn as_text(path: &str, file: &TrustFile, now: Timestamp) -> String {
    let root = &file.root;
    let time = |time: Option<Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let validity = root.check_time(now).map_or_else(|error| format!("NOT VALID: {error}"), |()| "valid now".to_owned());
    let mut rows = vec![
        ["root".to_owned(), format!("{path}, version {}.{}, sha256 {}", root.epoch(), root.version(), root.digest())],
        ["issued".to_owned(), time(root.issued())],
        ["expires".to_owned(), format!("{}, {validity}", time(root.expires()))],
    ];
    let roles = [("role root", root.root_role()), ("role revocation", root.revocation_role())];
    for (name, role) in roles {
        let said = role.map_or_else(|| "no one".to_owned(), |role| role_text(root, role, now));
        rows.push([name.to_owned(), said]);
    }
    let mut text = table(&rows);
    text.push_str(if root.publishers().is_empty() { "no publisher is trusted\n" } else { "publishers\n" });
    let head = ["  NAME", "KEYS", "MODULES", "KINDS"].map(str::to_owned);
    let publishers = root.publishers().iter().map(|(name, publisher)| {
        [
            format!("  {}", printable(name)),
            role_text(root, &publisher.role, now),
            joined(publisher.modules.iter().map(|pattern| printable(pattern))),
            joined(publisher.kinds.iter().map(|kind| kind.name().to_owned())),
        ]
    });
    if !root.publishers().is_empty() {
        text.push_str(&table(&std::iter::once(head).chain(publishers).collect::<Vec<_>>()));
    }
    text.push_str(&rules_text(&file.revocations));
    for (name, approver) in &file.approvers {
        let keys = joined(approver.keys.iter().map(|(key, _)| key.id().short()));
        let gates = joined(approver.gates.iter().map(|gate| printable(gate)));
        let _ = writeln!(text, "approver {}: {keys}, for {gates}", printable(name));
    }
    text
}

/// `2 of 06e3fd8fda29, deb2ded39dc2`, with the time of keys that do not always count.
fn role_text(root: &TrustRoot, role: &Role, now: Timestamp) -> String {
    let key = |id: &KeyId| {
        let window = window(root, id);
        let mut text = id.short();
        if let Some(from) = window.not_before {
            let _ = write!(text, " from {from}");
        }
        if let Some(until) = window.not_after {
            let _ = write!(text, " until {until}");
        }
        if !window.holds(now) {
            text.push_str(" (does not count now)");
        }
        text
    };
    format!("{} of {}", role.threshold, joined(role.keys.iter().map(key)))
}

fn rules_text(rules: &RevocationRules) -> String {
    let shown = |name: &String| printable(name);
    let mut text = match &rules.list {
        None => "no revocation list is asked for\n".to_owned(),
        Some(list) => {
            format!("revocation list {}, {}", shown(list), if rules.required { "required" } else { "optional" })
        }
    };
    if rules.list.is_some() {
        if let Some(id) = &rules.list_id {
            let _ = write!(text, ", of the name {}", shown(id));
        }
        if let Some(age) = rules.max_age {
            let _ = write!(text, ", at most {} old", spelled(age));
        }
        if rules.offline_grace > SignedDuration::ZERO {
            let _ = write!(text, ", {} of grace", spelled(rules.offline_grace));
        }
        if let Some((epoch, version)) = rules.min_version {
            let _ = write!(text, ", at least {epoch}.{version}");
        }
        text.push('\n');
    }
    if let Some(deny) = &rules.deny {
        let _ = writeln!(text, "local deny list {}", shown(deny));
    }
    if !rules.emergency.is_empty() {
        let _ = writeln!(text, "emergency lists {}", joined(rules.emergency.iter().map(shown)));
    }
    text
}

/// A duration as a trust file spells it.
fn spelled(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(factor, _)| seconds % factor == 0)
        .map_or((seconds, "s"), |(factor, unit)| (seconds / factor, unit));
    format!("{count}{unit}")
}

fn window(root: &TrustRoot, id: &KeyId) -> Window {
    root.key(id).map(|(_, window)| window).unwrap_or_default()
}

/// The root as a hand-written file. What a root holds was checked, so names and patterns need no escapes.
fn as_toml(root: &TrustRoot) -> Result<String, Failure> {
    let mut text = format!("schema = 1\nversion = {}\nepoch = {}\n", root.version(), root.epoch());
    let roles = [("role.root", root.root_role()), ("role.revocation", root.revocation_role())];
    for (name, role) in roles {
        if let Some(role) = role {
            text.push_str(&format!("\n[{name}]\n{}", role_toml(root, role)));
        }
    }
    for (name, publisher) in root.publishers() {
        let kinds: Vec<_> = publisher.kinds.iter().map(|kind| kind.name()).collect();
        let role = role_toml(root, &publisher.role);
        text.push_str(&format!(
            "\n[publisher.\"{name}\"]\n{role}modules = {:?}\nkinds = {kinds:?}\n",
            publisher.modules
        ));
    }
    match portcullis::trust::TrustSource::read(text.as_bytes(), Timestamp::UNIX_EPOCH) {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::blocked(Diagnostic::new(error.code(), error.to_string()))),
    }
}

fn role_toml(root: &TrustRoot, role: &Role) -> String {
    let mut text = "keys = [\n".to_owned();
    for (key, window) in role.keys.iter().filter_map(|id| root.key(id)) {
        let bounds = [("not_before", window.not_before), ("not_after", window.not_after)];
        let bounds: String =
            bounds.iter().filter_map(|(name, at)| at.map(|at| format!(", {name} = \"{at}\""))).collect();
        let short = key.to_short_form();
        let written =
            if bounds.is_empty() { format!("\"{short}\"") } else { format!("{{ key = \"{short}\"{bounds} }}") };
        let _ = writeln!(text, "  {written}, # {}", key.id().short());
    }
    let _ = writeln!(text, "]\nthreshold = {}", role.threshold);
    text
}

/// What the step from one root to the next changes, a line each.
pub(super) fn changes(old: &TrustRoot, new: &TrustRoot) -> String {
    let mut text = String::new();
    role_changes(&mut text, "role root", old.root_role(), new.root_role());
    role_changes(&mut text, "role revocation", old.revocation_role(), new.revocation_role());
    let names = old.publishers().keys().chain(new.publishers().keys());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let (was, is) = (old.publishers().get(name), new.publishers().get(name));
        let whose = format!("publisher {}", printable(name));
        role_changes(&mut text, &whose, was.map(|it| &it.role), is.map(|it| &it.role));
        if let (Some(was), Some(is)) = (was, is) {
            if was.modules != is.modules {
                let _ = writeln!(text, "  {whose}: modules {:?} → {:?}", was.modules, is.modules);
            }
            if was.kinds != is.kinds {
                let kinds = |it: &Publisher| joined(it.kinds.iter().map(|kind| kind.name().to_owned()));
                let _ = writeln!(text, "  {whose}: kinds {} → {}", kinds(was), kinds(is));
            }
        }
    }
    for id in new.keys().map(portcullis::trust::PublicKey::id) {
        if old.key(&id).is_some() && window(old, &id) != window(new, &id) {
            let _ = writeln!(text, "  key {}: another time", id.short());
        }
    }
    text
}

fn role_changes(text: &mut String, whose: &str, was: Option<&Role>, is: Option<&Role>) {
    let (was, is) = match (was, is) {
        (Some(was), Some(is)) => (was, is),
        (None, None) => return,
        (None, Some(is)) => {
            let _ = writeln!(text, "  {whose}: new, {} of {}", is.threshold, joined(is.keys.iter().map(KeyId::short)));
            return;
        }
        (Some(_), None) => {
            let _ = writeln!(text, "  {whose}: gone");
            return;
        }
    };
    let beyond = |one: &Role, other: &Role| {
        one.keys.iter().filter(|key| !other.keys.contains(key)).map(KeyId::short).collect::<Vec<_>>()
    };
    for (word, keys) in [("adds", beyond(is, was)), ("drops", beyond(was, is))] {
        if !keys.is_empty() {
            let _ = writeln!(text, "  {whose}: {word} {}", keys.join(", "));
        }
    }
    if was.threshold != is.threshold {
        let _ = writeln!(text, "  {whose}: threshold {} → {}", was.threshold, is.threshold);
    }
}
