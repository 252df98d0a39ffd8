//! Expressions: what parses, what it means, and what no expression can do.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::decision::truth::tests::any_truth;

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
    ] {
        let expr = Expr::parse(text).expect(text);
        assert_eq!(expr.to_string(), expect, "{text}");
        assert_eq!(Expr::parse(expect).as_ref(), Ok(&expr), "{text}");
    }
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
}

/// Expressions over the gates `a` to `d`.
fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(|name| Node::Gate(name.into()));
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
