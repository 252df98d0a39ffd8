//! Expressions: what parses, what it means, and what no expression can do.

use std::collections::HashMap;

use proptest::prelude::*;

use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::decision::{
    GateOutcome, GateResult,
    samples::{bare, fault, finding, gate},
    truth::tests::any_truth,
};

#[test]
fn expressions_read_back_as_they_are_meant() {
    for (text, expect) in [
        ("a", "a"),
        ("a && b||c", "a && b || c"),
        ("a and (b or c)", "a && (b || c)"),
        ("not a", "!a"),
        ("!(a && b)", "!(a && b)"),
        ("!!a", "!!a"),
        ("all(a, b)", "a && b"),
        ("any(a,b,c) && d", "(a || b || c) && d"),
        ("all(a)", "a"),
        ("(a && b) && c", "(a && b) && c"),
        ("at_least(2, a, b && c, !d)", "at_least(2, a, b && c, !d)"),
        ("\"all\" && \"Big one\" && \"plain\"", "\"all\" && \"Big one\" && plain"),
        ("not_ready && 3d.x-1_y", "not_ready && 3d.x-1_y"),
        ("\ta\n&&\r\nb ", "a && b"),
        ("findings && (evidence || a)", "findings && (evidence || a)"),
    ] {
        let expr = Expr::parse(text).expect(text);
        assert_eq!(expr.to_string(), expect, "{text}");
        assert_eq!(Expr::parse(expect).as_ref(), Ok(&expr), "{text}");
    }
}

#[test]
fn conditions_read_back_as_they_are_meant() {
    for (text, expect) in [
        ("a && b || !c", "a && b || !c"),
        ("findings(flows, PARSE_ERROR)", "findings(flows, PARSE_ERROR)"),
        ("!findings(\"Big one\",'it\"s')", "!findings(\"Big one\", 'it\"s')"),
        ("findings(a, legacy-intent) || findings", "findings(a, legacy-intent) || findings"),
        ("findings(all-1, 'all')", "findings(all-1, 'all')"),
        ("evidence(ci, '/CI') == 'true'", "evidence(ci, '/CI') == 'true'"),
        ("evidence(ci,\"\")!=\"it's\" && a", "evidence(ci, '') != \"it's\" && a"),
        ("evidence(\"any\", '/a~1b/0') == null", "evidence(\"any\", '/a~1b/0') == null"),
        ("evidence(e, '/n') == -1.50e-7", "evidence(e, '/n') == -1.5e-7"),
        (
            "evidence(e, '/n') == 1e30 || evidence(e, '/n') != 18446744073709551615",
            "evidence(e, '/n') == 1e30 || evidence(e, '/n') != 18446744073709551615",
        ),
        (
            "any(a, evidence(e, '/t') == true, evidence(e, '/t') != false)",
            "a || evidence(e, '/t') == true || evidence(e, '/t') != false",
        ),
    ] {
        let expr = Expr::condition(text).expect(text);
        assert_eq!(expr.to_string(), expect, "{text}");
        assert_eq!(Expr::condition(expect).as_ref(), Ok(&expr), "{text}");
    }
}

#[test]
fn a_mistake_in_a_condition_is_told_with_its_place() {
    let value = "a text in quotes, a number, true, false or null is missing here";
    let pointer = "a JSON pointer is empty or starts with `/`, and a `~` in it is `~0` or `~1`";
    for (text, offset, message) in [
        ("findings()", 9, "the name of a gate is missing here"),
        ("findings(a)", 10, "a `,` and the code of a finding are missing here"),
        ("findings(a,)", 11, "the code of a finding is missing here, such as PARSE_ERROR"),
        ("findings(a, '')", 12, "a code is not empty"),
        ("findings(a, B, c)", 13, "a `)` is missing here"),
        ("findings(A, B)", 9, "a name starts with a lower-case letter or a digit; others stand in quotes"),
        ("findings('a', B)", 9, "the name of a gate is missing here"),
        ("evidence(", 9, "the name of evidence is missing here"),
        ("evidence(e) == 1", 10, "a `,` and a JSON pointer are missing here, as in `evidence(ci, '/CI')`"),
        ("evidence(e, CI) == 1", 12, "a JSON pointer is missing here, in quotes: '/member/0'"),
        ("evidence(e, 'CI') == 1", 12, pointer),
        ("evidence(e, '/a~2') == 1", 12, pointer),
        ("evidence(e, '/a~') == 1", 12, pointer),
        ("evidence(e, '/a')", 17, "`==` or `!=` is missing here, and what the evidence is compared with"),
        ("evidence(e, '/a') = 1", 18, "`=` is written twice"),
        ("evidence(e, '/a') == ", 21, value),
        ("evidence(e, '/a') == b", 21, value),
        ("evidence(e, '/a') == 1e999", 21, value),
        ("evidence(e, '/a') == 01", 21, value),
        ("evidence(e, '/a') == - 1", 21, "`-` means nothing here"),
        ("evidence(e, '/a') == 'b", 21, "this `'` is never closed"),
        ("evidence(e, '/a') == '\u{202e}'", 21, "a text has no invisible characters"),
        ("evidence(e, '/a') == 1 == 1", 23, "only what `evidence(…)` holds is compared"),
        ("a == b", 2, "only what `evidence(…)` holds is compared"),
        ("'a'", 0, "the name of a gate is missing here"),
    ] {
        assert_eq!(Expr::condition(text), Err(ExprError { offset, message: message.into() }), "{text}");
    }
    for (text, offset) in [("a && findings(a, B)", 5), ("evidence(e, '/a') == 1", 0)] {
        let error = Expr::parse(text).expect_err("a rule asks for gates alone");
        assert_eq!((error.offset, error.message.ends_with("a rule asks for gates alone")), (offset, true), "{text}");
    }
}

#[test]
fn what_was_not_seen_is_unknown_and_never_absent() {
    let mut failed = bare(gate("flows"), GateOutcome::Fail);
    failed.findings = vec![finding("PARSE_ERROR", 1).into(), finding("LET_PASS", 2).into()];
    failed.findings[1].suppressed =
        Some(crate::findings::Suppressed { reason: "known".to_owned(), owner: None, expires: None });
    let faulted = bare(gate("broken"), GateOutcome::Fault(fault(crate::judge::Cause::Trap, "unreachable")));
    let skipped = bare(gate("skipped"), GateOutcome::Skipped("why".to_owned()));
    let not_taken = bare(gate("not-taken"), GateOutcome::NotTaken("why".to_owned()));
    let review = bare(gate("review"), GateOutcome::Review);
    let results: Vec<GateResult> = vec![failed, faulted, skipped, not_taken, review];
    let document = r#"{"CI":"true","n":1.0,"null":null,"list":[1,{"a~/b":"x"}],"big":18446744073709551615}"#;
    let document = RawValue::from_string(document.to_owned()).expect("JSON");
    let truth = |text: &str| {
        let gate = |name: &str| results.iter().find(|result| result.gate.name == name);
        let evidence = |name: &str| (name == "ci").then_some(&*document);
        Expr::condition(text).expect(text).eval_atoms(&|atom| atom.truth(&gate, &evidence))
    };
    for (text, expect) in [
        ("flows", Truth::False),
        ("review", Truth::Neutral),
        ("gone", Truth::Unknown),
        ("findings(flows, PARSE_ERROR)", Truth::True),
        ("findings(flows, OTHER)", Truth::False),
        ("findings(flows, LET_PASS)", Truth::False),
        ("findings(review, OTHER)", Truth::False),
        ("findings(broken, OTHER)", Truth::Unknown),
        ("!findings(skipped, OTHER)", Truth::Unknown),
        ("!findings(not-taken, OTHER)", Truth::Unknown),
        ("!findings(gone, OTHER)", Truth::Unknown),
        ("evidence(ci, '/CI') == 'true'", Truth::True),
        ("evidence(ci, '/CI') == true", Truth::False),
        ("evidence(ci, '/CI') != true", Truth::True),
        ("evidence(ci, '/n') == 1", Truth::True),
        ("evidence(ci, '/n') != 1.5", Truth::True),
        ("evidence(ci, '/big') == 18446744073709551614", Truth::False),
        ("evidence(ci, '/null') == null", Truth::True),
        ("evidence(ci, '/gone') == null", Truth::Unknown),
        ("evidence(ci, '/gone') != 'x'", Truth::Unknown),
        ("evidence(ci, '/list/1/a~0~1b') == 'x'", Truth::True),
        ("evidence(ci, '/list/-') == 1", Truth::Unknown),
        ("evidence(ci, '/list') != null", Truth::True),
        ("evidence(ci, '') == null", Truth::False),
        ("evidence(gone, '') == null", Truth::Unknown),
        ("flows && evidence(gone, '') == null", Truth::False),
    ] {
        assert_eq!(truth(text), expect, "{text}");
    }
}

#[test]
fn a_rule_that_asks_for_more_than_gates_is_unknown() {
    let expr = Expr::condition("findings(a, B) || evidence(e, '') == 1").expect("parses");
    assert_eq!(expr.eval(&|_| Truth::True), Truth::Unknown);
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (text, offset, message) in [
        ("", 0, "the name of a gate is missing here"),
        ("a &&", 4, "the name of a gate is missing here"),
        ("a & b", 2, "`&` is written twice"),
        ("a b", 2, "`&&` or `||` is missing before this"),
        ("(a", 2, "a `)` is missing here"),
        ("a)", 1, "this `)` closes nothing"),
        ("A", 0, "a name starts with a lower-case letter or a digit; others stand in quotes"),
        ("a && ä", 5, "`ä` means nothing here"),
        ("a \u{1b}", 2, "`\\u{1b}` means nothing here"),
        ("\"a", 0, "this `\"` is never closed"),
        ("\"a\u{1b}\"", 0, "a name has no invisible characters"),
        ("\"\"", 0, "a name is not empty"),
        ("all && a", 4, "a `(` is missing here; a gate with the name of a function stands in quotes"),
        ("all()", 4, "the name of a gate is missing here"),
        ("all(a b)", 6, "a `,` or `)` is missing here"),
        ("at_least(a, b)", 9, "`at_least` starts with a number, as in `at_least(2, a, b, c)`"),
        ("at_least(99999999999999999999999, b)", 9, "`at_least` starts with a number, as in `at_least(2, a, b, c)`"),
        ("at_least(1)", 10, "a `,` and the gates that are counted are missing here"),
        ("at_least(0, a)", 9, "at least 0 holds always; the smallest number is 1"),
        ("at_least(3, a, b)", 9, "3 of 2 can never pass"),
    ] {
        assert_eq!(Expr::parse(text), Err(ExprError { offset, message: message.into() }), "{text}");
    }
}

#[test]
fn depth_and_length_are_capped() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expr::parse(&nested(64)).is_ok());
    assert_eq!(Expr::parse(&nested(65)).expect_err("too deep").offset, 65);
    assert!(Expr::parse(&"!".repeat(16 << 10)).is_err());
    assert!(Expr::parse(&"all(".repeat(4 << 10)).is_err());
    assert!(Expr::parse(&"a".repeat((16 << 10) + 1)).expect_err("too long").message.contains("at most 16384 bytes"));
    let wide = vec!["a"; 3_000].join("||");
    assert_eq!(Expr::parse(&wide).expect("wide is fine").names(), ["a"]);
}

#[test]
fn each_name_is_told_once_in_order() {
    assert_eq!(Expr::parse("b && (a || !b) && at_least(1, c, a)").expect("parses").names(), ["b", "a", "c"]);
    let text = "findings(b, X) && a && evidence(f, '') == 1 && (b || evidence(e, '') != 1 || evidence(f, '/x') == 2)";
    let expr = Expr::condition(text).expect("parses");
    assert_eq!((expr.names(), expr.evidence()), (vec!["b", "a"], vec!["f", "e"]));
}

/// Expressions over the gates `a` to `d`.
fn any_expr() -> impl Strategy<Value = Expr> {
    over(prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(|name| Atom::Gate(name.into())))
}

/// Expressions that ask for anything.
fn any_condition() -> impl Strategy<Value = Expr> {
    let name = || "[a-z0-9][a-z0-9_.-]{0,4}|[A-Z ä']{1,4}";
    let value = prop_oneof![
        "[a-z A-Z\"]{0,6}|[a-z']{0,6}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has only finite ones", |number| number.is_finite())
            .prop_map(|number| json!(number)),
        prop::sample::select(vec![json!(true), json!(false), json!(null)]),
    ];
    over(prop_oneof![
        name().prop_map(Atom::Gate),
        (name(), "[A-Za-z_.-]{1,6}|[ \"]{1,3}|[ ']{1,3}").prop_map(|(gate, code)| Atom::Findings { gate, code }),
        (name(), "(/([a-zA-Z0-9 ']|~[01]){0,3}){0,3}", any::<bool>(), value).prop_map(
            |(evidence, pointer, equal, value)| Atom::Evidence(Comparison { evidence, pointer, equal, value })
        ),
    ])
}

fn over(atoms: impl Strategy<Value = Atom> + 'static) -> impl Strategy<Value = Expr> {
    let leaf = atoms.prop_map(Node::Atom);
    leaf.prop_recursive(5, 40, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|node| Node::Not(Box::new(node))),
            list().prop_map(Node::All),
            list().prop_map(Node::Any),
            (1..3_usize, list()).prop_map(|(least, nodes)| Node::AtLeast(least, nodes)),
        ]
    })
    .prop_map(Expr)
}

fn world() -> impl Strategy<Value = HashMap<&'static str, Truth>> {
    [any_truth(), any_truth(), any_truth(), any_truth()]
        .prop_map(|truths| ["a", "b", "c", "d"].into_iter().zip(truths).collect())
}

fn eval(expr: &Expr, world: &HashMap<&str, Truth>) -> Truth {
    expr.eval(&|name| world.get(name).copied().unwrap_or(Truth::Neutral))
}

proptest! {
    #[test]
    fn what_displays_parses_to_the_same(expr in any_expr()) {
        let text = expr.to_string();
        prop_assert_eq!(Expr::parse(&text), Ok(expr));
    }

    #[test]
    fn a_condition_that_displays_parses_to_the_same(expr in any_condition()) {
        let text = expr.to_string();
        prop_assert_eq!(Expr::condition(&text), Ok(expr), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_of_conditions_panic(
        text in "[ab !&|=(),\"'/~0-9-]{0,40}|(findings|evidence)\\([abA,'/~ ]{0,12}\\) ?[=!]= ?['0-9e.-]{0,8}|\\PC{0,40}"
    ) {
        if let Ok(expr) = Expr::condition(&text) {
            prop_assert_eq!(Expr::condition(&expr.to_string()), Ok(expr));
        }
    }

    #[test]
    fn a_comparison_is_one_or_the_other_or_neither(
        pointer in "(/[ab0]){0,2}", value in prop::sample::select(vec![json!(1), json!("x"), json!(null), json!(true)])
    ) {
        let document = json!({"a": {"b": 1, "0": "x"}, "b": [null, true], "0": 1.0});
        let of = |equal| Comparison { evidence: "e".to_owned(), pointer: pointer.clone(), equal, value: value.clone() };
        let is_there = document.pointer(&pointer).is_some();
        prop_assert_eq!(of(true).truth(Some(&document)), !of(false).truth(Some(&document)));
        prop_assert_eq!(of(true).truth(Some(&document)) != Truth::Unknown, is_there);
        prop_assert_eq!(of(false).truth(None), Truth::Unknown);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ab !&|(),\"0-9]{0,40}|at_least\\([0-9], *[ab&|!,() ]{0,20}|\\PC{0,40}") {
        if let Ok(expr) = Expr::parse(&text) {
            prop_assert_eq!(Expr::parse(&expr.to_string()), Ok(expr));
        }
    }

    #[test]
    fn faults_alone_decide_nothing(expr in any_expr()) {
        prop_assert_eq!(expr.eval(&|_| Truth::Unknown), Truth::Unknown);
    }

    #[test]
    fn gates_that_say_nothing_never_make_a_go(expr in any_expr()) {
        prop_assert!(matches!(expr.eval(&|_| Truth::Neutral), Truth::Neutral | Truth::Unknown));
    }

    #[test]
    fn a_fault_leaves_a_go_only_where_any_answer_would(expr in any_expr(), world in world(), faulted in prop::sample::select(vec!["a", "b", "c", "d"])) {
        let with = |truth: Truth| {
            let mut world = world.clone();
            world.insert(faulted, truth);
            eval(&expr, &world)
        };
        let decided = with(Truth::Unknown);
        if matches!(decided, Truth::True | Truth::False) {
            for truth in [Truth::True, Truth::False, Truth::Neutral] {
                prop_assert_eq!(with(truth), decided, "{} once `{}` is {:?}", &expr, faulted, truth);
            }
        }
    }

    #[test]
    fn all_is_a_chain_of_both(world in world()) {
        for (call, chain) in [("all(a, b, c)", "a && b && c"), ("any(a, b, c)", "a || b || c")] {
            let (call, chain) = (Expr::parse(call).expect("parses"), Expr::parse(chain).expect("parses"));
            prop_assert_eq!(eval(&call, &world), eval(&chain, &world));
        }
    }
}
