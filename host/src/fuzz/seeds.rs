//! What is well-formed, for a mutator to begin with: a few small ones for each target.

use jiff::Timestamp;
use serde_json::json;

use super::kept::{BETWEEN, PARTS};
use crate::{
    agent::{AgentOutput, AgentStatus, Content, ErrorBudget, Phase, Spent, ViolationType},
    decision::samples::{agent, violation},
    digest::Digest,
    intake::Settings,
    ledger::{Kind, role},
    manifest::hostile::GOOD,
    state::redis::fuzz::sealed,
};

fn each<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub(super) fn agent_lines() -> Vec<Vec<u8>> {
    each([
        "{\"phase\":\"PLAN\"}\n{\"plan\":{\"steps\":[\"x\"],\"n\":12345678901234567890},\"confidence\":0.75}\n",
        "{\"output\":\"gamma\",\"content\":{\"a\":[1,-2.5e-7,\"\\u00e9\\ud83d\\ude00\",null,{\"b\":{}}],\"a\":true}}\r\n\n",
        "{\"error\":{\"code\":\"E-1\",\"message\":\"\\u001b[31mred\"}}\n{\"acknowledge\":\"a-0123456789ab\"}\n",
        "{\"promotion\":{\"to\":3,\"reason\":\"because\"}}\n{\"heartbeat\":true}\n{\"confidence\":1}\n{\"done\":true}",
    ])
}

pub(super) fn baseline() -> Vec<Vec<u8>> {
    each([
        include_str!("../findings/testdata/parse_baseline.json"),
        r#"{"by_code":{"PARSE_ERROR":{"count":2},"SUCCESS":7},"files":[{"path":"a","code_name":"PARSE_ERROR","line":3}]}"#,
        r#"{"workflows":[{"path":"b","ok":false,"category":"PARSE_ERROR","error":"no","code":20,"code_name":"PARSE_ERROR",
            "phase":"parse","line":3,"fingerprint":"a1b2c3d4e5f67890","suppressed":true,"fingerprints":[{"code":"PARSE_ERROR",
            "severity":"error","line":3,"v1":"a1b2c3d4e5f67890","v2":"deadbeefcafe1234","suppressed":true}]}],
            "summary":{"total":1,"failed":0,"failure_rate":0.5,"timestamp":"2026-01-10T00:00:00+00:00"}}"#,
    ])
}

pub(super) fn event_stream() -> Vec<Vec<u8>> {
    each([
        "\u{feff}id: 7\nevent: status\ndata: {\"a\":1}\ndata:  b\n\n: comment\nretry: 5\ndata\n\n",
        "data: a\r\rdata: b\r\n\r\ndata:c\n\nid\ndata: d\n\ndata: lost",
        "id: 8\0\nid: 9\n\ndata: €\n\n",
    ])
}

/// Documents by what they are; what is not named is not kept.
fn kept(documents: &[(Kind, &str, &str)]) -> Vec<u8> {
    let document = |(kind, role): &(Kind, &str)| {
        let found = documents.iter().find(|(of, name, _)| (of, name) == (kind, role));
        found.map_or("", |(.., document)| document).as_bytes()
    };
    PARTS.each_ref().map(document).join(&BETWEEN)
}

pub(super) fn kept_run() -> Vec<Vec<u8>> {
    let settings = Settings::new("m.toml".into(), "/here".into(), Timestamp::UNIX_EPOCH).to_json().expect("UTF-8");
    let begin = [
        (Kind::Begin, role::SETTINGS, settings.as_str()),
        (Kind::Begin, role::READ, r#"[{"path":"m.toml","there":true},{"path":"t","there":false,"error":"no"}]"#),
        (Kind::Begin, "read.0", "schema = 1\n"),
    ];
    let piece = |name: &str, error: &str| {
        let digest = Digest::of(b"{\"a\":1}");
        format!(
            r#"{{"name":"{name}","kind":"file","uri":"e.json","outcome":"completed","format":"json","digest":{{"sha256":"{digest}"}},
            "sizeBytes":7,"collectedOn":"2026-01-10T00:00:00Z","durationUs":5,"error":{error}}}"#
        )
    };
    let (whole, failed) = (piece("e", "null"), piece("e", r#"{"code":"evidence-timeout","message":"\u001b[2J"}"#));
    let usage = r#"{"fuel":1,"fuel_limit":2,"memory_peak":3,"duration":{"secs":0,"nanos":5}}"#;
    let once =
        format!(r#"{{"fault":null,"calls":[{{"file":null,"answer":18,"notes":1,"fault":null,"usage":{usage}}}]}}"#);
    let fault = r#"{"cause":{"limit":{"limit":"fuel","used":3,"allowed":2}},"message":"it is out of fuel"}"#;
    let many = format!(
        r#"{{"fault":null,"calls":[{{"file":{{"path":"a","bytes":2}},"answer":0,"notes":0,"fault":{fault},"usage":{usage}}},
        {{"file":{{"path":"b","bytes":null}},"answer":18,"notes":0,"fault":null,"usage":{usage}}}]}}"#
    );
    let answer = r#"{"verdict":"pass"}"#;
    let output = Content::read("{\"made\":1}").expect("content");
    let entry = json!({
        "record": agent("a", AgentStatus::Completed), "budget": ErrorBudget::default(), "spent": Spent::default(),
        "violations": [violation("a", ViolationType::ScopeViolation, Some("g"), "out of it")],
        "outputs": [AgentOutput::new("a", Phase::Execute, output, Timestamp::UNIX_EPOCH)],
        "inputs": [], "judged": {"g": {"e": Digest::of(b"{\"a\":1}")}},
    })
    .to_string();
    let gate = [
        (Kind::Evidence, role::PIECE, whole.as_str()),
        (Kind::Evidence, role::BYTES, "{\"a\":1}"),
        (Kind::Gate, role::ENTRY, "{}"),
        (Kind::Gate, role::CALLS, &once),
        (Kind::Gate, role::REQUEST, r#"{"input":{"a":1}}"#),
        (Kind::Gate, role::ANSWER, answer),
        (Kind::Gate, role::NOTES, "n"),
        (Kind::Finish, role::RECORD, "{}"),
    ];
    let governed = [
        (Kind::Evidence, role::PIECE, failed.as_str()),
        (Kind::Agent, role::ENTRY, &entry),
        (Kind::Gate, role::ENTRY, "{}"),
        (Kind::Gate, role::CALLS, &many),
        (Kind::Gate, role::ANSWER, answer),
        (Kind::Gate, role::FILES, "x\n"),
    ];
    vec![kept(&[&begin[..], &gate].concat()), kept(&[&begin[..], &governed].concat())]
}

pub(super) fn ledger_row() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"x");
    let uses = format!(
        r#"[{{"role":"module","content":"{digest}","publisher":"acme","name":"lint","version":"1.2.3","keys":["{digest}"]}},
        {{"role":"root","content":"{digest}","publisher":null,"name":null,"version":null,"keys":[]}}]"#
    );
    vec![
        format!("begin\nbegin\n1767225600000\n{{\"policy\":\"p\",\"manifest\":\"{digest}\",\"subject\":null}}")
            .into_bytes(),
        b"agent\nwork\n-1\n{\"outcome\":\"COMPLETED\"}".to_vec(),
        b"gate\na\0b\n9223372036854775807\n{\"outcome\":\"pass\"}".to_vec(),
        b"finish\nfinish\n0\n{\"decision\":\"no-go\",\"exit_code\":1}".to_vec(),
        b"prune\nprune\n0\n{\"runs\":1,\"blobs\":2,\"bytes\":18446744073709551615}".to_vec(),
        format!("uses\n\n\n{uses}").into_bytes(),
    ]
}

pub(super) fn manifest() -> Vec<Vec<u8>> {
    let governed = r#"schema = 1
name = "t"
trust = "t.toml"
state = "s.sqlite"
[evidence]
plan = { agent = "a", output = "alpha" }
[gate.g]
module = "g.wasm"
input = "plan"
[agent.a]
command = ["./a", "${env:A}"]
tier = 2
plan = ["g"]
errors = { total = 3, same = 2, procedure = 1 }
[[stage]]
id = "work"
type = "agent"
agent = "a"
[[events]]
file = "e.jsonl"
kinds = ["agent_revoked"]
"#;
    each([GOOD, governed])
}

pub(super) fn redis_replies() -> Vec<Vec<u8>> {
    let item = |number: u64| {
        let item = [format!("{number} ").as_bytes(), &sealed("agent:a:state", 7, b"x")].concat();
        [format!("${}\r\n", item.len()).as_bytes(), &item, b"\r\n"].concat()
    };
    let page = [&b"*4\r\n+ok\r\n$1\r\n3\r\n$1\r\n2\r\n*2\r\n"[..], &item(3), &item(4)].concat();
    let mut seeds = each([
        "*4\r\n$4\r\nheld\r\n$2\r\n41\r\n$2\r\nn2\r\n$5\r\n29999\r\n+OK\r\n:1000\r\n$-1\r\n",
        "*3\r\n$2\r\nok\r\n$3\r\nE-1\r\n$1\r\n2\r\n-NOSCRIPT No matching script.\r\n",
        "*2\r\n$1\r\n0\r\n*1\r\n$13\r\nagent:a:state\r\n*-1\r\n*0\r\n",
    ]);
    let value = sealed("agent:a:state", 7, b"{}");
    seeds.extend([page, [format!("${}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat()]);
    seeds
}

pub(super) fn sealed_value() -> Vec<Vec<u8>> {
    let value = |version, value| sealed("agent:a:state", version, value);
    vec![value(7, b"{\"phase\":\"PLAN\"}"), value(u128::MAX, b""), sealed("agent:b:state", 1, b"x\n")]
}

pub(super) fn suppressions() -> Vec<Vec<u8>> {
    each([
        "# ours\r\n\r\na1b2c3d4e5f67890  # see #12, a=b owner=@team/core expires=2026-01-10\r\nDEADBEEFCAFE1234 bare\r\n",
        "\u{feff}0123456789abcdef expires=2027-02-28 first owner=@ann\n  # between\n0000000000000000",
        "a1b2c3d4e5f67890 owner=ann\na1b2c3d4e5f67891 expire=2026-01-10\na1b2 \u{1b}[2J\n",
    ])
}
