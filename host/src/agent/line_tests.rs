//! What is read of an agent's lines, and that nothing else is.

use proptest::prelude::*;

use super::{AgentLine, Confidence, Content, DEEPEST, Lines, MAX_LINE, OutputType, Phase, Tier, read_line};

fn content(text: &str) -> Content {
    Content::read(text).expect("content")
}

#[test]
fn every_line_of_the_protocol_is_read() {
    let sure = |number| Confidence::new(number).expect("a confidence");
    for (text, expect) in [
        (r#"{"phase":"PLAN"}"#, AgentLine::Phase(Phase::Plan)),
        (r#"{"phase":"REVOKED"}"#, AgentLine::Phase(Phase::Revoked)),
        (
            r#" { "content" : {"b":1,"a":[2]} , "output" : "beta" } "#,
            AgentLine::Output { kind: OutputType::Beta, content: content(r#"{"a":[2],"b":1}"#) },
        ),
        (r#"{"heartbeat":true}"#, AgentLine::Heartbeat),
        (r#"{"error":{"code":"E1","message":""}}"#, AgentLine::Error { code: "E1".to_owned(), message: String::new() }),
        (r#"{"plan":{}}"#, AgentLine::Plan { plan: content("{}"), confidence: None }),
        (
            r#"{"plan":{"steps":[]},"confidence":0.9}"#,
            AgentLine::Plan { plan: content(r#"{"steps":[]}"#), confidence: Some(sure(0.9)) },
        ),
        (r#"{"confidence":0}"#, AgentLine::Confidence(sure(0.0))),
        (r#"{"confidence":1}"#, AgentLine::Confidence(sure(1.0))),
        (r#"{"acknowledge":"P-1"}"#, AgentLine::Acknowledge("P-1".to_owned())),
        (
            r#"{"promotion":{"to":2,"reason":"it went well"}}"#,
            AgentLine::Promotion { to: Tier::new(2).expect("a tier"), reason: "it went well".to_owned() },
        ),
        ("{\"done\":true}\r", AgentLine::Done),
    ] {
        assert_eq!(read_line(text.as_bytes()), Ok(expect), "{text}");
    }
}

#[test]
fn what_is_no_line_of_the_protocol_is_refused_with_its_reason() {
    let deep = format!("{{\"plan\":{}1{}}}", "{\"a\":".repeat(DEEPEST + 1), "}".repeat(DEEPEST + 1));
    let deeper = format!("{{\"plan\":{}", "[".repeat(500_000));
    let long_code = format!(r#"{{"error":{{"code":"{}","message":""}}}}"#, "E".repeat(65));
    let long_message = format!(r#"{{"error":{{"code":"E","message":"{}"}}}}"#, "m".repeat(4097));
    for (text, expect) in [
        ("", "the line is not a JSON object"),
        ("[]", "the line is not a JSON object"),
        ("[\"PLAN\"]", "the line is not a JSON object"),
        ("phase: PLAN", "the line is not a JSON object"),
        ("{}", "the line says nothing"),
        (r#"{"phase":"PLAN"} {"phase":"EXECUTE"}"#, "the line does not parse: trailing characters"),
        (r#"{"phase":"PLAN""#, "the line does not parse: EOF"),
        (r#"{"phase":"PLAN","phase":"PLAN"}"#, "the line does not parse: duplicate field `phase`"),
        (r#"{"phase":"PLAN","\u0070hase":"PLAN"}"#, "the line does not parse: duplicate field `phase`"),
        (r#"{"revoke":"other"}"#, "the line does not parse: unknown field `revoke`"),
        ("{\"\\u001b[2J\":1}", "the line does not parse: unknown field `\\u{1b}[2J`"),
        (r#"{"phase":"DEPLOY"}"#, "`phase` is not what it has to be: unknown variant `DEPLOY`"),
        (r#"{"phase":"plan"}"#, "`phase` is not what it has to be: unknown variant `plan`"),
        (r#"{"phase":null}"#, "`phase` is not what it has to be"),
        (r#"{"phase":{"PLAN":null}}"#, "`phase` is not what it has to be"),
        (r#"{"phase":"PLAN","heartbeat":true}"#, "the members of the line do not go together"),
        (r#"{"phase":"PLAN","confidence":1}"#, "the members of the line do not go together"),
        (r#"{"output":"beta"}"#, "an `output` needs its `content`"),
        (r#"{"content":{}}"#, "a `content` needs its `output`"),
        (r#"{"output":"delta","content":{}}"#, "`output` is not what it has to be: unknown variant `delta`"),
        (r#"{"output":"beta","content":[]}"#, "`content` is refused: it is no object"),
        (r#"{"output":"beta","content":{"a":1e400}}"#, "`content` is refused: a number is past"),
        (r#"{"output":"beta","content":{"a":"\udc00"}}"#, "`content` is refused: a string is no text"),
        (&deep, "`plan` is refused: it nests deeper than 64"),
        (&deeper, "the line does not parse: EOF"),
        (r#"{"heartbeat":false}"#, "`heartbeat` is true, or is not there"),
        (r#"{"done":1}"#, "`done` is not what it has to be"),
        (r#"{"error":["E1","m"]}"#, "`error` is not an object"),
        (r#"{"error":{"code":"E1"}}"#, "`error` is not what it has to be: missing field `message`"),
        (r#"{"error":{"code":"E1","message":"m","fatal":true}}"#, "`error` is not what it has to be: unknown field"),
        (r#"{"error":{"code":"E 1","message":"m"}}"#, "`error.code` is 1 to 64 letters, digits or `_.-`"),
        (r#"{"error":{"code":"","message":"m"}}"#, "`error.code` is 1 to 64 letters, digits or `_.-`"),
        (&long_code, "`error.code` is 1 to 64 letters, digits or `_.-`"),
        (&long_message, "`error.message` has 4097 bytes, at most 4096 are read"),
        (r#"{"confidence":1.1}"#, "`confidence` is not what it has to be: a confidence is a number from 0 to 1"),
        (r#"{"confidence":-0.1}"#, "`confidence` is not what it has to be"),
        (r#"{"confidence":"0.9"}"#, "`confidence` is not what it has to be"),
        (r#"{"acknowledge":""}"#, "`acknowledge` has 1 to 128 bytes, not 0"),
        (r#"{"promotion":{"to":5,"reason":"r"}}"#, "`promotion` is not what it has to be: a tier is a whole number"),
        (r#"{"promotion":{"to":2,"reason":""}}"#, "`promotion.reason` has 1 to 4096 bytes, not 0"),
        (r#"{"promotion":{"to":2}}"#, "`promotion` is not what it has to be: missing field `reason`"),
    ] {
        let told = read_line(text.as_bytes()).expect_err(text.get(..60).unwrap_or(text)).to_string();
        assert!(told.starts_with(expect), "{} → {told}", text.get(..60).unwrap_or(text));
    }
    assert_eq!(read_line(b"{\"phase\":\"\xff\"}").expect_err("refused").to_string(), "the line is not UTF-8");
    let long = format!("{{\"plan\":{{\"a\":\"{}\"}}}}", "x".repeat(MAX_LINE));
    let told = read_line(long.as_bytes()).expect_err("refused").to_string();
    assert_eq!(told, "the line is longer than 1048576 bytes");
}

fn told(lines: Vec<Result<AgentLine, super::BadLine>>) -> Vec<String> {
    lines.into_iter().map(|line| line.map_or_else(|bad| bad.to_string(), |line| format!("{line:?}"))).collect()
}

#[test]
fn a_line_is_the_same_in_whatever_pieces_it_comes() {
    let text = b"{\"heartbeat\":true}\n\n \r\nnonsense\n{\"phase\":\"PLAN\"}\n{\"done\":true}";
    let expect = ["Heartbeat", "the line is not a JSON object", "Phase(Plan)", "Done"];
    for size in 1..=text.len() {
        let mut lines = Lines::default();
        let mut found: Vec<_> = text.chunks(size).flat_map(|piece| lines.feed(piece)).collect();
        found.extend(lines.end());
        assert_eq!(told(found), expect, "{size}");
    }
}

#[test]
fn a_line_without_an_end_is_told_once_and_what_follows_is_read() {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for _ in 0..40 {
        found.extend(lines.feed(&[b'x'; 64 << 10]));
    }
    assert_eq!(told(found), ["the line is longer than 1048576 bytes"]);
    assert_eq!(told(lines.feed(b"the rest\n{\"heartbeat\":true}\n")), ["Heartbeat"]);
    // One that is as long as it may be is a line.
    let plan = format!("{{\"plan\":{{\"a\":\"{}\"}}}}", "x".repeat(MAX_LINE - 17));
    assert_eq!(plan.len(), MAX_LINE);
    assert!(matches!(lines.feed(format!("{plan}\n").as_bytes()).as_slice(), [Ok(AgentLine::Plan { .. })]));
    assert_eq!(told(lines.feed(format!("{plan} \n").as_bytes())), ["the line is longer than 1048576 bytes"]);
}

/// Numbers that look random and are the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % most.max(1)
    }
}

/// Lines that were good, with pieces cut out, doubled, swapped and overwritten, as a fuzzer would have them.
#[test]
fn no_damaged_line_makes_the_reader_panic_or_tell_what_a_terminal_obeys() {
    let seeds: [&[u8]; 9] = [
        br#"{"phase":"EXECUTE"}"#,
        br#"{"output":"gamma","content":{"a":[1,-2.5e-7,"\u00e9\ud83d\ude00",null,{"b":{}}],"a":true}}"#,
        br#"{"heartbeat":true}"#,
        br#"{"error":{"code":"E-1","message":"\u001b[31mred"}}"#,
        br#"{"plan":{"steps":["x","y"],"n":123456789012345678901234567890},"confidence":0.75}"#,
        br#"{"acknowledge":"builder-0123456789ab"}"#,
        br#"{"promotion":{"to":3,"reason":"because"}}"#,
        br#"{"done":true}"#,
        b"[[[[{{{{\"\\\"\\\\\xf0\x9f\x98\x80\xff\x00\x1b\xe2\x80\xae",
    ];
    let pieces: [&[u8]; 12] =
        [b"{", b"}", b"[", b"]", b"\"", b"\\", b"\\u", b"1e999", b"-", b"\xff", b"\x1b[2J", "\u{202e}".as_bytes()];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut lines = Lines::default();
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut line = seeds[random.below(seeds.len())].to_vec();
        for _ in 0..random.below(4) {
            let (at, length) = (random.below(line.len()), random.below(12));
            let end = (at + length).min(line.len());
            match random.below(5) {
                0 => drop(line.drain(at..end)),
                1 => line.extend_from_within(at..end),
                2 => drop(line.splice(at..end, pieces[random.below(pieces.len())].iter().copied())),
                3 => drop(line.splice(at..at, seeds[random.below(seeds.len())].iter().copied())),
                _ => line.get_mut(at..end).into_iter().flatten().for_each(|byte| *byte = random.below(256) as u8),
            }
        }
        line.push(b'\n');
        for told in lines.feed(&line) {
            match told {
                Ok(_) => good += 1,
                Err(reason) => {
                    bad += 1;
                    let reason = reason.to_string();
                    assert!(!reason.is_empty() && reason.chars().count() < 300, "{reason}");
                    assert!(!reason.contains(crate::text::is_unsafe), "{reason}");
                }
            }
        }
    }
    assert!(good > 3_000 && bad > 8_000, "{good} good, {bad} bad");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(reason) = read_line(&bytes) {
            prop_assert!(!reason.to_string().contains(crate::text::is_unsafe));
        }
    }

    #[test]
    fn no_json_of_the_right_names_makes_the_reader_panic(
        name in "(phase|output|content|heartbeat|error|plan|confidence|acknowledge|promotion|done)",
        value in "(\\{|\\[|\"|[0-9eE.+-]|\\\\u[0-9a-fA-F]{4}|true|null|PLAN|code|to|:|,|\\}|\\]){0,30}",
    ) {
        let _ = read_line(format!("{{\"{name}\":{value}}}").as_bytes());
    }

    #[test]
    fn pieces_do_not_change_what_is_read(
        text in "(\\{\"heartbeat\":true\\}|\\{\"done\":true\\}|x|\n|\r\n| ){0,30}",
        sizes in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let bytes = text.as_bytes();
        let mut whole = Lines::default();
        let mut expect = whole.feed(bytes);
        expect.extend(whole.end());
        let (mut lines, mut found, mut rest) = (Lines::default(), Vec::new(), bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at((*size).min(rest.len()));
            found.extend(lines.feed(piece));
            rest = left;
        }
        found.extend(lines.end());
        prop_assert_eq!(found, expect);
    }
}
