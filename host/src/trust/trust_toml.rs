//! `trust.toml` as it is written, and what it means.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;

use super::{
    key::{KeyId, PublicKey},
    metadata::is_name,
    root::{Publisher, Role, TrustRoot, TrustedKey, Window, is_pattern},
    root_document::kind,
    standing::RevocationRules,
    strict_json::{Time, Whole},
    toml_error::{Shape, TomlError, place},
    trust_file::{Approver, NeedsRoot, OWN_KEY, TrustFile, TrustSource, doubly_trusted},
};
use crate::{digest::Digest, text::excerpt, units};

const SCHEMA: u64 = 1;

const KEYS: Shape =
    Shape::Each(&Shape::Table(&[("key", Shape::Leaf), ("not_before", Shape::Leaf), ("not_after", Shape::Leaf)]));
const ROLE: Shape = Shape::Table(&[("keys", KEYS), ("threshold", Shape::Leaf)]);
const FILE: Shape = Shape::Table(&[
    ("schema", Shape::Leaf),
    ("root", Shape::Leaf),
    ("root_sha256", Shape::Leaf),
    ("version", Shape::Leaf),
    ("epoch", Shape::Leaf),
    ("issued", Shape::Leaf),
    ("expires", Shape::Leaf),
    (
        "publisher",
        Shape::Each(&Shape::Table(&[
            ("keys", KEYS),
            ("threshold", Shape::Leaf),
            ("modules", Shape::Leaf),
            ("kinds", Shape::Leaf),
        ])),
    ),
    ("role", Shape::Table(&[("root", ROLE), ("revocation", ROLE)])),
    (
        "revocations",
        Shape::Table(&[
            ("list", Shape::Leaf),
            ("list_id", Shape::Leaf),
            ("required", Shape::Leaf),
            ("state", Shape::Leaf),
            ("max_age", Shape::Leaf),
            ("offline_grace", Shape::Leaf),
            ("min_version", Shape::Table(&[("epoch", Shape::Leaf), ("version", Shape::Leaf)])),
            ("deny", Shape::Leaf),
            ("emergency", Shape::Leaf),
        ]),
    ),
    ("approver", Shape::Each(&Shape::Table(&[("keys", KEYS), ("gates", Shape::Leaf)]))),
]);

/// Reads a hand-written trust file.
pub(super) fn read(bytes: &[u8]) -> Result<TrustSource, TomlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let read = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
        TomlError::new(&read, read.len(), "the trust file is not UTF-8".to_owned())
    })?;
    let written: Written = toml::from_str(text).map_err(|error| TomlError::explain(text, &error, &FILE))?;
    written.meant(text)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: Spanned<u64>,
    root: Option<Spanned<String>>,
    root_sha256: Option<Digest>,
    #[serde(default = "one")]
    version: Whole,
    #[serde(default = "one")]
    epoch: Whole,
    issued: Option<Time>,
    expires: Option<Time>,
    #[serde(default)]
    publisher: BTreeMap<String, Spanned<WrittenPublisher>>,
    #[serde(default)]
    role: WrittenRoles,
    #[serde(default)]
    revocations: WrittenRules,
    #[serde(default)]
    approver: BTreeMap<String, Spanned<WrittenApprover>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoles {
    root: Option<Spanned<WrittenRole>>,
    revocation: Option<Spanned<WrittenRole>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    keys: Vec<Spanned<WrittenKey>>,
    #[serde(default = "one")]
    threshold: Whole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPublisher {
    keys: Vec<Spanned<WrittenKey>>,
    #[serde(default = "one")]
    threshold: Whole,
    modules: Vec<String>,
    kinds: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenApprover {
    keys: Vec<Spanned<WrittenKey>>,
    gates: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields, expecting = "a key is a string, or { key = …, not_before = …, not_after = … }")]
enum WrittenKey {
    Always(String),
    Within { key: String, not_before: Option<Time>, not_after: Option<Time> },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRules {
    list: Option<String>,
    list_id: Option<String>,
    required: Option<bool>,
    state: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    max_age: Option<SignedDuration>,
    #[serde(default, deserialize_with = "duration")]
    offline_grace: Option<SignedDuration>,
    min_version: Option<WrittenVersion>,
    deny: Option<String>,
    #[serde(default)]
    emergency: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenVersion {
    epoch: Whole,
    version: Whole,
}

fn one() -> Whole {
    Whole::ONE
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SignedDuration>, D::Error> {
    let read: Duration = units::duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
    SignedDuration::try_from(read).map(Some).map_err(D::Error::custom)
}

impl Written {
    fn meant(self, text: &str) -> Result<TrustSource, TomlError> {
        if *self.schema.get_ref() != SCHEMA {
            let message = format!("this host reads schema {SCHEMA}, not {}", self.schema.get_ref());
            return Err(TomlError::new(text, self.schema.span().start, message));
        }
        let approvers = approvers(text, &self.approver)?;
        let revocations = self.revocations.meant();
        if let Some(path) = self.root {
            if !self.publisher.is_empty() || self.role.root.is_some() || self.role.revocation.is_some() {
                let message = "`root` names a signed root, which says who publishes and who holds a role".to_owned();
                return Err(TomlError::new(text, path.span().start, message));
            }
            let Some(pin) = self.root_sha256 else {
                let named = excerpt(path.get_ref(), 100);
                let message = "`root` names a signed root, and no `root_sha256` says which one".to_owned();
                return Err(TomlError::new(text, path.span().start, message).help(format!(
                    "`portcullis trust show {named}` prints its sha256: check it, and write it as `root_sha256`"
                )));
            };
            let path = path.into_inner();
            return Ok(TrustSource::NeedsRoot(NeedsRoot { path, pin, revocations, approvers }));
        }
        let mut gather = Gather { text, keys: BTreeMap::new() };
        let publishers = gather.publishers(&self.publisher)?;
        let role = |gather: &mut Gather<'_>, role: &Option<Spanned<WrittenRole>>| {
            role.as_ref().map(|role| gather.role(&role.get_ref().keys, role.get_ref().threshold)).transpose()
        };
        let root = TrustRoot {
            version: self.version,
            epoch: self.epoch,
            issued: self.issued,
            expires: self.expires,
            root: role(&mut gather, &self.role.root)?,
            revocation: role(&mut gather, &self.role.revocation)?,
            publishers,
            keys: gather.keys,
            digest: Digest::of(text.as_bytes()),
            is_document: false,
        };
        if let Some(flaw) = root.flaws().into_iter().next() {
            return Err(TomlError::new(text, place(text, flaw.part, flaw.name.as_deref()), flaw.to_string()));
        }
        if let Some((name, key)) = doubly_trusted(&approvers, &root) {
            let message = format!("approver {name}: the key {} signs modules or holds a role", key.short());
            return Err(TomlError::new(text, place(text, "approver", Some(name)), message).help(OWN_KEY));
        }
        Ok(TrustSource::Whole(TrustFile { root, root_path: None, revocations, approvers }))
    }
}

impl WrittenRules {
    fn meant(self) -> RevocationRules {
        RevocationRules {
            required: self.required.unwrap_or(self.list.is_some()),
            list: self.list,
            list_id: self.list_id,
            state: self.state,
            max_age: self.max_age,
            offline_grace: self.offline_grace.unwrap_or(SignedDuration::ZERO),
            min_version: self.min_version.map(|least| (least.epoch, least.version)),
            deny: self.deny,
            emergency: self.emergency,
        }
    }
}

/// Gathers the keys that parts of the file name into the one table that a root has.
struct Gather<'t> {
    text: &'t str,
    keys: BTreeMap<KeyId, TrustedKey>,
}

impl Gather<'_> {
    fn publishers(
        &mut self,
        written: &BTreeMap<String, Spanned<WrittenPublisher>>,
    ) -> Result<BTreeMap<String, Publisher>, TomlError> {
        let mut publishers = BTreeMap::new();
        for (name, publisher) in written {
            let publisher = publisher.get_ref();
            let mut kinds = Vec::new();
            for name in &publisher.kinds {
                let unknown = || {
                    let message = format!("`{}` is no kind of gate", excerpt(name.get_ref(), 64));
                    TomlError::new(self.text, name.span().start, message)
                        .known(name.get_ref(), &portcullis_sdk::Kind::ALL.map(portcullis_sdk::Kind::name))
                };
                kinds.push(kind(name.get_ref()).ok_or_else(unknown)?);
            }
            let role = self.role(&publisher.keys, publisher.threshold)?;
            publishers.insert(name.clone(), Publisher { role, modules: publisher.modules.clone(), kinds });
        }
        Ok(publishers)
    }

    fn role(&mut self, keys: &[Spanned<WrittenKey>], threshold: Whole) -> Result<Role, TomlError> {
        let mut ids = Vec::new();
        for written in keys {
            let (key, window) = read_key(self.text, written)?;
            let id = key.id();
            ids.push(id);
            let known = self.keys.insert(id, TrustedKey { key, window });
            if known.is_some_and(|known| known.window != window) {
                let message = format!("the key {} has another time elsewhere in the file", id.short());
                return Err(TomlError::new(self.text, written.span().start, message));
            }
        }
        Ok(Role { keys: ids, threshold: usize::try_from(threshold.get()).unwrap_or(usize::MAX) })
    }
}

fn read_key(text: &str, written: &Spanned<WrittenKey>) -> Result<(PublicKey, Window), TomlError> {
    let (key, window) = match written.get_ref() {
        WrittenKey::Always(key) => (key, Window::default()),
        WrittenKey::Within { key, not_before, not_after } => {
            (key, Window { not_before: *not_before, not_after: *not_after })
        }
    };
    let key = PublicKey::parse(key)
        .map_err(|error| TomlError::new(text, written.span().start, error.to_string()).help(error.help()))?;
    Ok((key, window))
}

fn approvers(
    text: &str,
    written: &BTreeMap<String, Spanned<WrittenApprover>>,
) -> Result<BTreeMap<String, Approver>, TomlError> {
    let mut approvers = BTreeMap::new();
    let mut holders: BTreeMap<KeyId, &str> = BTreeMap::new();
    for (name, approver) in written {
        let WrittenApprover { keys, gates } = approver.get_ref();
        let wrong = |message: String| TomlError::new(text, approver.span().start, message);
        if !is_name(name) || keys.is_empty() {
            let message = "an approver has a name of a-z, 0-9, `.`, `_` and `-`, and at least one key";
            return Err(wrong(message.to_owned()));
        }
        if let Some(pattern) = gates.iter().find(|pattern| !is_pattern(pattern)) {
            return Err(wrong(format!("approver {name}: `{}` is no pattern of gates' names", excerpt(pattern, 64))));
        }
        let keys: Vec<_> = keys.iter().map(|key| read_key(text, key)).collect::<Result<_, _>>()?;
        for (key, _) in &keys {
            // Whose word a signature is follows from the key, so it is one person's.
            if let Some(other) = holders.insert(key.id(), name) {
                let short = key.id().short();
                let whose = if other == name { "stands twice".to_owned() } else { format!("is {other}'s too") };
                return Err(wrong(format!("approver {name}: the key {short} {whose}")));
            }
        }
        approvers.insert(name.clone(), Approver { keys, gates: gates.clone() });
    }
    Ok(approvers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sdk::Kind;

    const K1: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const K2: &str = "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
    const SSH_K1: &str = include_str!("../../../tests/fixtures/signing/keys/k1.openssh.pub");
    const SSH_K3: &str = include_str!("../../../tests/fixtures/signing/keys/k3.openssh.pub");

    fn parse(text: &str) -> Result<TrustFile, TomlError> {
        read(text.as_bytes()).map(|source| match source {
            TrustSource::Whole(file) => file,
            TrustSource::NeedsRoot(rest) => panic!("it names the root {}", rest.path),
        })
    }

    #[track_caller]
    fn check(text: &str, line: usize, expect: &str) {
        let error = parse(text).expect_err(text);
        let told = format!("{error}; {}", error.help.as_deref().unwrap_or_default());
        assert!(told.contains(expect) && error.line == line, "line {}: {told}\n{text}", error.line);
    }

    fn publisher(keys: &str, rest: &str) -> String {
        format!(
            "schema = 1\n[publisher.acme]\nkeys = [{keys}]\nmodules = [\"lint-*\"]\nkinds = [\"validator\"]\n{rest}"
        )
    }

    #[test]
    fn a_trust_file_says_who_is_trusted_and_what_is_looked_at() {
        let text = format!(
            r#"
            schema = 1
            version = 3
            expires = "2027-01-01T00:00:00Z"
            [publisher.acme]
            keys = ["{K1}", {{ key = "{K2}", not_before = "2026-01-01T00:00:00Z" }}]
            threshold = 2
            modules = ["lint-*"]
            kinds = ["validator", "gate"]
            [revocations]
            list = "revocations.json"
            max_age = "14d"
            min_version = {{ epoch = 1, version = 42 }}
            deny = "deny.txt"
            emergency = ["extra.json"]
            [approver.alice]
            keys = ["{}"]
            gates = ["hmr_quiesce", "agents_*"]
            "#,
            SSH_K3.trim_end()
        );
        let file = parse(&text).expect("a trust file");
        let acme = &file.root.publishers()["acme"];
        assert_eq!(
            (acme.role.threshold, acme.role.keys.len(), &acme.kinds[..]),
            (2, 2, &[Kind::Validator, Kind::Gate][..])
        );
        assert!(acme.may_name("lint-gate") && !acme.may_name("other"));
        assert_eq!((file.root.version().get(), file.root.epoch().get()), (3, 1));
        let rules = &file.revocations;
        assert!(rules.required && rules.max_age == Some(SignedDuration::from_hours(14 * 24)));
        assert_eq!(rules.min_version.map(|(epoch, version)| (epoch.get(), version.get())), Some((1, 42)));
        let alice = &file.approvers["alice"];
        for (gate, expect) in [("hmr_quiesce", true), ("agents_api", true), ("hmr_quiesce2", false), ("agents", false)]
        {
            assert_eq!(alice.may_approve(gate), expect, "{gate}");
        }
        assert!(!parse("schema = 1").expect("an empty trust file").revocations.required);
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_what_was_meant() {
        check("", 1, "missing field `schema`");
        check("schema = 2", 1, "this host reads schema 1");
        check("schema = 1\nversoin = 2", 2, "did you mean `version`?");
        check("schema = 1\nversion = 0", 2, "1 and 2^53");
        check("schema = 1\nexpires = \"tomorrow\"", 2, "RFC 3339");
        check("schema = 1\n[role.rot]\nkeys = []", 2, "did you mean `root`?");
        check("schema = 1\n[revocations]\nmaxage = \"1d\"", 3, "did you mean `max_age`?");
        check("schema = 1\n[revocations]\nmax_age = \"1\"", 3, "a duration is");
        check("schema = 1\n[revocations]\nmin_version = { epoch = 1, versoin = 2 }", 3, "did you mean `version`?");
        check("schema = 1\nx = [", 2, "");
        check(&publisher(&format!("\"{K1}\""), "theshold = 1"), 6, "did you mean `threshold`?");
        check(&publisher("\"ed25519:AAAA\"", ""), 3, "no key in a form");
        check(&publisher("\"ssh-rsa AAAA\"", ""), 3, "not an Ed25519 key");
        check(&publisher("7", ""), 3, "a key is a string, or");
        check(
            &publisher(&format!("{{ key = \"{K1}\", not_afer = \"2026-01-01T00:00:00Z\" }}"), ""),
            3,
            "did you mean `not_after`?",
        );
        check(&publisher(&format!("\"{K1}\""), "threshold = 2"), 2, "not within 1 and the 1 keys");
        check(&publisher(&format!("\"{K1}\", \"{}\"", SSH_K1.trim_end()), "threshold = 2"), 2, "a key stands twice");
        check(&publisher("", ""), 2, "not within 1 and the 0 keys");
        check(&publisher(&format!("\"{K1}\""), "").replace("validator", "validater"), 5, "did you mean `validator`?");
        check(&publisher(&format!("\"{K1}\""), "").replace("lint-*", "Lint"), 2, "no pattern");
        check(
            &publisher(&format!("\"{K1}\""), &format!("[role.root]\nkeys = [\"{K1}\"]")),
            2,
            "signs modules and holds a role",
        );
        let second = format!("[publisher.beta]\nkeys = [\"{K1}\"]\nmodules = [\"*\"]\nkinds = [\"gate\"]");
        check(&publisher(&format!("\"{K1}\""), &second), 6, "is acme's too");
        check("schema = 1\n[publisher.\"a\\u0000b\"]\nkeys = []\nmodules = []\nkinds = []", 2, "name is not");
        check(&format!("schema = 1\nroot = \"root.json\"\n[role.root]\nkeys = [\"{K1}\"]"), 2, "names a signed root");
        check("schema = 1\nroot = \"root.json\"", 2, "`portcullis trust show root.json` prints its sha256");
        check("schema = 1\n[approver.alice]\nkeys = []\ngates = []", 2, "at least one key");
        let alice = |keys: &str, gates: &str| format!("[approver.alice]\nkeys = [{keys}]\ngates = [{gates}]\n");
        let (k1, ssh_k1) = (format!("\"{K1}\""), format!("\"{}\"", SSH_K1.trim_end()));
        let bob = alice(&ssh_k1, "").replace("alice", "bob");
        check(&format!("schema = 1\n{}", alice(&k1, "\"Smoke\"")), 2, "alice: `Smoke` is no pattern of gates' names");
        check(&format!("schema = 1\n{}", alice(&format!("{k1}, {ssh_k1}"), "")), 2, "stands twice");
        check(
            &format!("schema = 1\n{}{bob}", alice(&k1, "\"a\"")),
            5,
            "approver bob: the key 06e3fd8fda29 is alice's too",
        );
        check(
            &publisher(&k1, &alice(&ssh_k1, "\"*\"")),
            6,
            "alice: the key 06e3fd8fda29 signs modules or holds a role",
        );
        check(
            &format!("schema = 1\n{}[role.revocation]\nkeys = [{k1}]", alice(&k1, "")),
            2,
            "or holds a role; give the",
        );
        assert_eq!(read(b"schema = 1\n\xff").expect_err("not UTF-8").line, 2);
    }
}
