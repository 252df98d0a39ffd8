//! Trust: what verifying costs beside the hash and the signature that it cannot do without, and that long lists cost no
//! more than short ones.

use std::{fs, hint::black_box};

use jiff::Timestamp;
use portcullis::{
    digest::Digest,
    trust::{
        Entry, Envelope, KeyId, LIST_TYPE, List, Material, Policy, PrivateKey, Reason, Severity, Standing, Time,
        TrustFile, TrustSource, VersionRange, Whole, sign, verify_module,
    },
};

use crate::support::{GATES, Options, Place, Report, Row, in_turn, median, ms, run, timed, us};

const PART: &str = "3. Trust";
const MIB: usize = 1 << 20;

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    let now = at("2026-01-10T00:00:00Z").0;
    let holder = PrivateKey::from_seed(&[8; 32]);
    let role = format!(
        "[revocations]\nlist = \"list.json\"\nrequired = true\n[role.revocation]\nkeys = [\"{}\"]\nthreshold = 1\n",
        holder.public().to_short_form()
    );
    let trust = match TrustSource::read(place.trust(&role).as_bytes(), now).expect("a trust file") {
        TrustSource::Whole(trust) => trust,
        TrustSource::NeedsRoot(_) => unreachable!("it names no root"),
    };
    one_module(options, place, &trust, now, report);
    many_modules(options, place, &trust, &holder, now, report);
}

fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

/// A signed module of about that size, and no two the same.
fn module(place: &Place, size: usize, number: usize) -> Vec<u8> {
    let gate = place.built(&GATES[number % GATES.len()]);
    let mut padding = vec![0; size.saturating_sub(gate.len())];
    padding.extend_from_slice(&(number as u64).to_le_bytes());
    sign(&crate::support::padded(&gate, &padding), &place.key).expect("signed")
}

fn one_module(options: &Options, place: &Place, trust: &TrustFile, now: Timestamp, report: &mut Report) {
    let bytes = module(place, MIB, 0);
    let standing = Standing::of(portcullis::trust::Revocations::default());
    let policy = Policy { root: &trust.root, standing: &standing, now, components: false };
    let (message, key) = (b"a message as long as the one that is signed: 64 bytes, and a few", place.key.public());
    let signature = place.key.sign(message);
    let mut verify = || {
        let bytes = bytes.clone();
        us(timed(|| verify_module(bytes, &policy).expect("trusted")))
    };
    let mut hash = || us(timed(|| Digest::of(black_box(&bytes))));
    let mut check = || us(timed(|| assert!(key.verifies(black_box(message), &signature))));
    let samples = in_turn(options.rounds(301), &mut [&mut verify, &mut hash, &mut check]);
    let [verify, hash, check] = [0, 1, 2].map(|at| median(samples[at].iter().copied()));
    report.add(Row::new(PART, "SHA-256 of 1 MiB", hash, "µs"));
    report.add(Row::new(PART, "one strict Ed25519 check", check, "µs"));
    let row = Row::new(PART, "verifying a module of 1 MiB", verify, "µs");
    report.add(row.times(verify / (hash + check), "both together").at_most(1.5));
}

/// A list of that many entries, none of which is about a module here: keys, contents and releases in equal parts, the
/// releases of 100 names, or all of them of one module's own name.
fn list(count: usize, names: Option<&str>) -> List {
    let whole = |value| Whole::new(value).expect("a whole number");
    let (issued, expires) = (at("2026-01-09T00:00:00Z"), at("2026-02-09T00:00:00Z"));
    let mut list = List::new("bench", whole(1), whole(1), whole(1), issued, expires);
    let (reason, severity) = (Reason::Malicious, Severity::Block);
    list.entries = (0..count)
        .map(|number| {
            let id = format!("R-{number:06}");
            let digest = Digest::of(&number.to_le_bytes());
            let kind = if names.is_some() { 2 } else { number % 3 };
            match kind {
                0 => Entry::Module { id, content_sha256: digest, reason, severity, revoked_at: issued },
                1 => {
                    let (key_sha256, except_content_sha256) = (KeyId(digest), Vec::new());
                    Entry::Key { id, key_sha256, except_content_sha256, reason, severity, revoked_at: issued }
                }
                _ => {
                    let module = names.map_or_else(|| format!("gate-{}", number % 100), str::to_owned);
                    let versions = VersionRange::parse(&format!("={}.{}.0", 1 + number / 100, number % 100));
                    let (publisher, versions) = ("bench".to_owned(), versions.expect("a range"));
                    Entry::Release { id, publisher, module, versions, reason, severity, revoked_at: issued }
                }
            }
        })
        .collect();
    list
}

fn many_modules(
    options: &Options,
    place: &Place,
    trust: &TrustFile,
    holder: &PrivateKey,
    now: Timestamp,
    report: &mut Report,
) {
    let count = options.size(1_000, 10);
    let modules: Vec<Vec<u8>> = (0..count).map(|number| module(place, 100 << 10, number)).collect();
    let lists = [
        ("10 entries", list(10, None)),
        ("1,000 entries", list(1_000, None)),
        ("10,000 entries", list(10_000, None)),
        ("10,000 releases of one name", list(10_000, Some(GATES[0].name))),
    ];
    let mut standings = Vec::new();
    for (name, list) in lists {
        let mut envelope = Envelope::new(LIST_TYPE, list.to_payload().expect("a list"));
        assert!(envelope.sign(holder));
        let written = envelope.to_json();
        let material = Material { list: Some(written.as_bytes()), ..Material::default() };
        let assess = || Standing::assess(&trust.root, &trust.revocations, &material, now);
        let time = median((0..options.rounds(15)).map(|_| ms(timed(assess))));
        let standing = assess();
        assert_eq!(standing.problem(), None);
        report.add(Row::new(PART, format!("reading a list of {name}"), time, "ms"));
        standings.push((name, standing));
    }
    let verify = |standing: &Standing| {
        let policy = Policy { root: &trust.root, standing, now, components: false };
        let times = modules.iter().map(|module| {
            let bytes = module.clone();
            us(timed(|| verify_module(bytes, &policy).expect("trusted")))
        });
        times.sum::<f64>() / 1e3
    };
    let mut subjects: Vec<_> = standings.iter().map(|(_, standing)| || verify(standing)).collect();
    let mut subjects: Vec<&mut dyn FnMut() -> f64> = subjects.iter_mut().map(|subject| subject as _).collect();
    let samples = in_turn(options.rounds(9), &mut subjects);
    let times: Vec<f64> = samples.iter().map(|samples| median(samples.iter().copied())).collect();
    for ((name, _), time) in standings.iter().zip(&times) {
        let row = Row::new(PART, format!("1,000 modules of 100 KiB, {name}"), *time, "ms");
        report.add(row.times(time / times[0], "10 entries").at_most(1.2));
    }
}

/// The whole command over a folder: what it holds at once.
pub(crate) fn folder(options: &Options, place: &Place, report: &mut Report) {
    let (count, largest) = (options.size(200, 5), 8 * MIB);
    for number in 0..count {
        place.write(&format!("many/{number}.wasm"), module(place, 100 << 10, number));
    }
    place.write("many/large.wasm", module(place, largest, count));
    let ran = run(&mut place.portcullis(&["verify", "many", "--trust", "trust.toml"]), 0);
    fs::remove_dir_all(place.path("many")).expect("removed");
    let over = (ran.peak as f64 - largest as f64) / MIB as f64;
    report.add(Row::new(PART, "`verify` of a folder: peak memory past its largest module", over, "MiB").at_most(16.0));
}
