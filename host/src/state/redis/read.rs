//! What a server's answers say, if they say anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    client::{Client, Effect},
    resp::Reply,
};
use crate::state::{
    Agents, Held, Id, Item, MAX_AGENTS, MAX_COUNTERS, Page, StateError, envelope::unseal, keys::agent_of,
    lock::MAX_HOLDER,
};

/// How often a scan goes on at most: a server may never come to its end.
const MAX_ROUNDS: usize = 20_000;
/// Keys that are looked at in one round.
const ROUND: &[u8] = b"1000";

/// What a script answers: a word, and what belongs to it.
pub(super) struct Answer {
    pub(super) status: String,
    rest: Vec<Reply>,
}

/// An answer that no script of ours gives.
pub(super) fn nonsense() -> StateError {
    StateError::Protocol("an answer that fits no question")
}

impl Answer {
    pub(super) fn new(reply: Reply) -> Result<Self, StateError> {
        let Reply::List(replies) = reply else { return Err(nonsense()) };
        let mut replies = replies.into_iter();
        let Some(Reply::Text(status)) = replies.next() else { return Err(nonsense()) };
        let status = String::from_utf8(status).map_err(|_| nonsense())?;
        Ok(Self { status, rest: replies.collect() })
    }

    /// Whether it is done, and that is all that there is to say.
    pub(super) fn is_done(&self) -> bool {
        self.status == "ok" && self.rest.is_empty()
    }

    pub(super) fn text(&self, at: usize, key: &str) -> Result<String, StateError> {
        let Some(Reply::Text(text)) = self.rest.get(at) else { return Err(nonsense()) };
        String::from_utf8(text.clone()).map_err(|_| StateError::corrupted(key, "it is no text"))
    }

    pub(super) fn number(&self, at: usize, key: &str) -> Result<u64, StateError> {
        self.text(at, key)?.parse().map_err(|_| nonsense())
    }

    /// Why nothing was done.
    pub(super) fn refused(&self, key: &str) -> StateError {
        match self.status.as_str() {
            "corrupted" => StateError::corrupted(key, "it is nothing that this program writes"),
            "crowded" => StateError::Crowded { key: key.to_owned(), most: MAX_COUNTERS },
            _ => nonsense(),
        }
    }

    pub(super) fn held(&self, key: &str) -> Result<Held, StateError> {
        let by = self.text(1, key)?;
        if by.len() > MAX_HOLDER {
            return Err(StateError::corrupted(key, "it is no lock that this program writes"));
        }
        Ok(Held { by, token: self.number(0, key)?, left: Duration::from_millis(self.number(2, key)?) })
    }

    pub(super) fn counters(&self, key: &str) -> Result<BTreeMap<Id, u32>, StateError> {
        if self.status != "ok" {
            return Err(self.refused(key));
        }
        let wrong = || StateError::corrupted(key, "it has a counter that is none");
        (0..self.rest.len())
            .step_by(2)
            .map(|at| {
                let name = Id::parse(&self.text(at, key)?).map_err(|_| wrong())?;
                let value = u32::try_from(self.number(at + 1, key)?).map_err(|_| wrong())?;
                Ok((name, value))
            })
            .collect()
    }

    /// The items from `from` on: no more than `most`, and as many as the list has there.
    pub(super) fn page(mut self, key: &str, from: u64, most: usize) -> Result<Page, StateError> {
        if self.status != "ok" {
            return Err(self.refused(key));
        }
        let (first, length) = (self.number(0, key)?, self.number(1, key)?);
        let end = first.checked_add(length).ok_or_else(nonsense)?;
        let Some(Reply::List(texts)) = self.rest.pop() else { return Err(nonsense()) };
        if from > end {
            return Err(StateError::Lost { key: key.to_owned() });
        }
        let start = from.max(first);
        if texts.len() as u64 != (end - start).min(most as u64) {
            return Err(StateError::corrupted(key, "an item of it is missing"));
        }
        let items = texts.into_iter().zip(start..).map(|(text, offset)| item(key, text, offset));
        Ok(Page { items: items.collect::<Result<_, _>>()?, first, end })
    }
}

/// The item that has to have this number.
fn item(key: &str, text: Reply, offset: u64) -> Result<Item, StateError> {
    let Reply::Text(text) = text else { return Err(nonsense()) };
    let sealed = text.strip_prefix(format!("{offset} ").as_bytes());
    let sealed = sealed.ok_or(StateError::corrupted(key, "an item of it is missing"))?;
    Ok(Item { offset, value: unseal(key, sealed)?.value })
}

/// Every agent that has a state, in as many rounds as the server takes.
pub(super) fn agents(client: &Client) -> Result<Agents, StateError> {
    let mut ids = BTreeSet::new();
    let mut cursor = b"0".to_vec();
    for _ in 0..MAX_ROUNDS {
        let words: [&[u8]; 6] = [b"SCAN", &cursor, b"MATCH", b"agent:*:state", b"COUNT", ROUND];
        let reply = client.ask(Effect::Reads, "agent:*:state", &words)?;
        let Reply::List(mut replies) = reply else { return Err(nonsense()) };
        let (Some(Reply::List(keys)), Some(Reply::Text(next))) = (replies.pop(), replies.pop()) else {
            return Err(nonsense());
        };
        for key in keys {
            let Reply::Text(key) = key else { return Err(nonsense()) };
            let Some(id) = std::str::from_utf8(&key).ok().and_then(agent_of) else { continue };
            ids.insert(id);
            if ids.len() > MAX_AGENTS {
                ids.pop_last();
                return Ok(Agents { ids: ids.into_iter().collect(), more: true });
            }
        }
        if next == b"0" {
            return Ok(Agents { ids: ids.into_iter().collect(), more: false });
        }
        if next.len() > 20 || !next.iter().all(u8::is_ascii_digit) {
            return Err(nonsense());
        }
        cursor = next;
    }
    Err(StateError::Protocol("a scan that comes to no end"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a server may say that knows the protocol.
    fn replies() -> impl Strategy<Value = Reply> {
        let text =
            prop_oneof!["ok|held|corrupted", "[0-9]{1,20}", "[0-9]{1,3} 1 [0-9a-f]{32} [0-9a-f]{32}\n.{0,5}", ".{0,9}"];
        let one = prop_oneof![
            text.prop_map(|text| Reply::Text(text.into_bytes())),
            any::<Vec<u8>>().prop_map(Reply::Text),
            any::<i64>().prop_map(Reply::Number),
            Just(Reply::Nothing),
        ];
        one.prop_recursive(2, 24, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Reply::List))
    }

    proptest! {
        #[test]
        fn whatever_a_server_answers_nothing_panics(replies in prop::collection::vec(replies(), 0..6), from: u64) {
            let mut all = vec![Reply::Text(b"ok".to_vec())];
            all.extend(replies);
            let answer = || Answer::new(Reply::List(all.clone())).expect("it begins with a word");
            let _ = (answer().counters("k"), answer().held("k"), answer().number(0, "k"), answer().refused("k"));
            if let Ok(page) = answer().page("k", from, 128) {
                prop_assert!(page.items.len() <= 128 && page.first <= page.end);
            }
        }
    }

    #[test]
    fn a_page_is_believed_only_if_all_of_it_is_there() {
        let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let page = |first: &str, length: &str, items: &[Reply]| {
            let all = vec![text("ok"), text(first), text(length), Reply::List(items.to_vec())];
            Answer::new(Reply::List(all)).expect("it begins with a word").page("k", 0, 2).map(|page| page.items.len())
        };
        let sealed = |number: u64| {
            let sealed = crate::state::envelope::seal("k", crate::state::Version(7), b"x");
            Reply::Text([format!("{number} ").as_bytes(), &sealed].concat())
        };
        assert_eq!(page("3", "2", &[sealed(3), sealed(4)]), Ok(2));
        assert_eq!(page("0", "0", &[]), Ok(0));
        let code = |page: Result<usize, StateError>| page.expect_err("it does not add up").code();
        assert_eq!(code(page("3", "2", &[sealed(3)])), "state-corrupted");
        assert_eq!(code(page("3", "2", &[sealed(3), sealed(5)])), "state-corrupted");
        assert_eq!(code(page("3", "1", &[sealed(3), sealed(4)])), "state-corrupted");
        assert_eq!(code(page("3", "2", &[sealed(3), Reply::Nothing])), "state-protocol");
        assert_eq!(code(page("18446744073709551615", "2", &[])), "state-protocol");
    }
}
