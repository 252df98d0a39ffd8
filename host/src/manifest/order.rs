//! An order for things that need each other, or the circle that leaves them none.

use std::{cmp::Reverse, collections::BinaryHeap};

/// The indices of `needs` in an order in which each stands behind all that it needs; otherwise the given order is kept.
///
/// # Errors
/// A circle, as the way from an index back to itself.
pub(super) fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by = vec![Vec::new(); needs.len()];
    for (index, needed) in needs.iter().enumerate() {
        needed.iter().for_each(|needed| needed_by[*needed].push(index));
    }
    let mut ready: BinaryHeap<_> = (0..needs.len()).filter(|index| open[*index] == 0).map(Reverse).collect();
    let mut ordered = Vec::with_capacity(needs.len());
    while let Some(Reverse(index)) = ready.pop() {
        ordered.push(index);
        for dependent in &needed_by[index] {
            open[*dependent] -= 1;
            if open[*dependent] == 0 {
                ready.push(Reverse(*dependent));
            }
        }
    }
    match open.iter().position(|open| *open > 0) {
        Some(stuck) => Err(circle(needs, &open, stuck)),
        None => Ok(ordered),
    }
}

/// What is stuck needs something that is stuck: following that comes round.
fn circle(needs: &[Vec<usize>], open: &[usize], stuck: usize) -> Vec<usize> {
    let mut seen_at = vec![None; needs.len()];
    let (mut way, mut here) = (Vec::new(), stuck);
    loop {
        if let Some(start) = seen_at[here] {
            way.push(here);
            return way.split_off(start);
        }
        seen_at[here] = Some(way.len());
        way.push(here);
        match needs[here].iter().find(|needed| open[**needed] > 0) {
            Some(next) => here = *next,
            None => return way,
        }
    }
}

/// `names` of a circle as `a -> b -> a`, shortened where it is long.
pub(super) fn shown<'n>(circle: &[usize], name: impl Fn(usize) -> &'n str) -> String {
    const SHOWN: usize = 10;
    let mut names: Vec<_> = circle.iter().take(SHOWN).map(|index| name(*index)).collect();
    if let (Some(last), true) = (circle.last(), circle.len() > SHOWN) {
        names.extend(["…", name(*last)]);
    }
    names.join(" -> ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(needs: &[&[usize]], expect: Result<&[usize], &[usize]>) {
        let needs: Vec<_> = needs.iter().map(|needs| needs.to_vec()).collect();
        let got = order(&needs);
        assert_eq!(got.as_deref().map_err(Vec::as_slice), expect, "{needs:?}");
    }

    #[test]
    fn the_given_order_is_kept_but_for_needs() {
        check(&[], Ok(&[]));
        check(&[&[], &[], &[0]], Ok(&[0, 1, 2]));
        check(&[&[2], &[], &[]], Ok(&[1, 2, 0]));
        check(&[&[0]], Err(&[0, 0]));
        check(&[&[], &[0, 2], &[3], &[1]], Err(&[1, 2, 3, 1]));
        check(&[&[1], &[2], &[1]], Err(&[1, 2, 1]));
    }

    proptest! {
        #[test]
        fn an_order_keeps_every_need_and_a_circle_is_one(
            needs in proptest::collection::vec(proptest::collection::btree_set(0..8usize, 0..3), 8)
        ) {
            let needs: Vec<Vec<usize>> = needs.into_iter().map(|needs| needs.into_iter().collect()).collect();
            match order(&needs) {
                Ok(ordered) => {
                    for (place, index) in ordered.iter().enumerate() {
                        prop_assert!(needs[*index].iter().all(|needed| ordered[..place].contains(needed)));
                    }
                    prop_assert_eq!(ordered.len(), needs.len());
                }
                Err(circle) => {
                    prop_assert!(circle.len() > 1);
                    prop_assert_eq!(circle.first(), circle.last());
                    prop_assert!(circle.windows(2).all(|pair| needs[pair[0]].contains(&pair[1])));
                }
            }
        }
    }
}
