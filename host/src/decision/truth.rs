//! The values that a decision is made of, and how they combine.
//!
//! Three of them are strong Kleene logic: what is not known stays not known unless the rest settles the matter. The
//! fourth, [`Truth::Neutral`], is for gates that speak neither for nor against: it leaves what stands beside it alone.

use std::ops::Not;

/// What a gate, or an expression over gates, comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It passed.
    True,
    /// It did not pass.
    False,
    /// Nobody can say: a fault, or a gate that did not run.
    Unknown,
    /// Neither for nor against: not applicable, or a review that nobody has signed off.
    Neutral,
}

impl Truth {
    /// Both: false as soon as one is, unknown as long as one is. A neutral one changes nothing.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Neutral, truth) | (truth, Self::Neutral) => truth,
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::True, Self::True) => Self::True,
        }
    }

    /// Either: true as soon as one is, unknown as long as one is. A neutral one changes nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }

    /// All of them; neutral when nothing speaks.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Neutral, Self::and)
    }

    /// Any of them; neutral when nothing speaks.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Neutral, Self::or)
    }

    /// At least `least` of them, and never fewer than one. Neutral ones do not count as passed. As long as they or the
    /// unknown ones could still make up the number, the answer is unknown: a signature that is not there yet must not
    /// look like a failure that `!` turns into a pass.
    pub fn at_least(least: usize, truths: impl IntoIterator<Item = Self>) -> Self {
        let (mut passed, mut open) = (0_usize, 0_usize);
        for truth in truths {
            match truth {
                Self::True => passed += 1,
                Self::Unknown | Self::Neutral => open += 1,
                Self::False => {}
            }
        }
        let least = least.max(1);
        if passed >= least {
            Self::True
        } else if passed + open < least {
            Self::False
        } else {
            Self::Unknown
        }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::Neutral => Self::Neutral,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::decision) fn any_truth() -> impl Strategy<Value = Truth> {
        prop::sample::select(vec![Truth::True, Truth::False, Truth::Unknown, Truth::Neutral])
    }

    #[test]
    fn the_table_of_both_is_kleenes_with_an_identity() {
        use Truth::{False, Neutral, True, Unknown};
        let order = [True, False, Unknown, Neutral];
        let both = [
            [True, False, Unknown, True],
            [False, False, False, False],
            [Unknown, False, Unknown, Unknown],
            [True, False, Unknown, Neutral],
        ];
        for (left, row) in order.into_iter().zip(both) {
            for (right, expect) in order.into_iter().zip(row) {
                assert_eq!(left.and(right), expect, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn a_count_is_open_while_it_can_still_be_reached() {
        use Truth::{False, Neutral, True, Unknown};
        for (least, truths, expect) in [
            (2, vec![True, True, False], True),
            (2, vec![True, False, False], False),
            (2, vec![True, Unknown, False], Unknown),
            (2, vec![True, Neutral, False], Unknown),
            (2, vec![True, True, Unknown], True),
            (2, vec![Neutral, Neutral], Unknown),
            (3, vec![Neutral, True], False),
            (0, vec![False], False),
            (0, vec![], False),
        ] {
            assert_eq!(Truth::at_least(least, truths.clone()), expect, "{least} of {truths:?}");
        }
    }

    proptest! {
        #[test]
        fn de_morgan_holds(a in any_truth(), b in any_truth()) {
            prop_assert_eq!(!(a.and(b)), (!a).or(!b));
            prop_assert_eq!(!(a.or(b)), (!a).and(!b));
        }

        #[test]
        fn both_and_either_are_associative_and_commutative(a in any_truth(), b in any_truth(), c in any_truth()) {
            prop_assert_eq!(a.and(b), b.and(a));
            prop_assert_eq!(a.or(b), b.or(a));
            prop_assert_eq!(a.and(b).and(c), a.and(b.and(c)));
            prop_assert_eq!(a.or(b).or(c), a.or(b.or(c)));
        }

        #[test]
        fn one_of_many_is_any_and_all_of_many_is_all_where_nothing_is_neutral(
            truths in prop::collection::vec(prop::sample::select(vec![Truth::True, Truth::False, Truth::Unknown]), 1..6),
        ) {
            prop_assert_eq!(Truth::at_least(1, truths.clone()), Truth::any(truths.clone()));
            prop_assert_eq!(Truth::at_least(truths.len(), truths.clone()), Truth::all(truths));
        }
    }
}
