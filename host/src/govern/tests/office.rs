//! What people do beside a run.

use std::collections::BTreeMap;

use super::*;
use crate::trust::{Approver, PrivateKey, Revocations, Window};

#[test]
fn a_revoked_agent_is_reinstated_and_promoted_by_those_who_may() {
    Bed::each(|bed| {
        let (alice, mallory) = (PrivateKey::from_seed(&[1; 32]), PrivateKey::from_seed(&[2; 32]));
        let always = Window { not_before: None, not_after: None };
        let approver = Approver { keys: vec![(alice.public().clone(), always)], gates: vec!["a".to_owned()] };
        let people = BTreeMap::from([("alice".to_owned(), approver)]);
        let revocations = Revocations::default();
        let believes = |signed: &Signed<'_>| {
            Approvers { people: &people, revocations: &revocations, now: clock() }.believes(signed)
        };
        let store = &*bed.store;
        let agents = (id("a"), id("b"));
        for agent in [&agents.0, &agents.1] {
            revoke(store, agent, "by hand", clock()).expect("written");
        }
        let lifts = |agent: &str| -> Vec<_> {
            standing(store, agent, &believes).expect("read").into_iter().map(|(digest, _)| digest).collect()
        };
        for (agent, key) in [("a", &mallory), ("b", &alice)] {
            let said = Reinstatement::sign(agent, lifts(agent), "r", clock(), key);
            reinstate(store, said).expect("written");
            assert_eq!(lifts(agent).len(), 1, "{agent}: that word does not count");
        }
        reinstate(store, Reinstatement::sign("a", lifts("a"), "r", clock(), &alice)).expect("written");
        assert_eq!(lifts("a").len(), 0);
        let all = all_standing(store, &believes).expect("read");
        assert_eq!(all.iter().map(|(_, revocation)| revocation.agent_id.as_str()).collect::<Vec<_>>(), ["b"]);

        let tier = |number| Tier::new(number).expect("a tier");
        for (from, to, key) in [(1, 2, &mallory), (2, 3, &alice), (1, 2, &alice)] {
            let said = Grant::sign("a", (tier(from), tier(to)), "r", clock(), key);
            grant(store, &agents.0, &said).expect("written");
        }
        let known = known(store, &agents.0).expect("read");
        assert_eq!((known.grants.len(), known.snapshot, known.driver), (2, None, None));
        let is_signed = |grant: &Grant| believes(&Signed::Grant(grant)).is_ok();
        assert_eq!(granted("a", tier(1), &known.grants, is_signed), tier(3));
    });
}

#[test]
fn a_question_is_open_until_somebody_answers_it() {
    Bed::each(|bed| {
        let script = format!(
            "{INTO_EXECUTE}error E1; error E1; error E1\nhear '\"paused\"'\ncase \"$line\" in *'do otherwise'*) touch \"$HERE/heard\";; esac\nexit 0"
        );
        let mut tried = Try::new(bed, "a", &script);
        tried.plan.clarify = None;
        let (project, agent) = (id("p"), id("a"));
        let answer =
            |agent: &Id| clarify(&*bed.store, (&project, agent), "do otherwise", vec!["x".to_owned()], clock());
        assert_eq!(answer(&agent), Ok(None), "nobody has asked");
        let driven = thread::scope(|scope| {
            let driven = scope.spawn(|| tried.drive());
            until("the question", || questions(&*bed.store, &project).is_ok_and(|open| open.len() == 1));
            assert_eq!(answer(&id("b")), Ok(None));
            assert!(answer(&agent).expect("written").is_some());
            assert_eq!(questions(&*bed.store, &project), Ok(Vec::new()));
            driven.join().expect("no panic")
        });
        assert_eq!(driven.status, AgentStatus::Failed);
        assert!(tried.here().join("heard").exists(), "it was not told that plan");
        let known = known(&*bed.store, &agent).expect("read");
        let snapshot = known.snapshot.expect("a state");
        assert_eq!(
            (snapshot.status, known.runs.len(), known.counters.get("total")),
            (AgentStatus::Failed, 1, Some(&3))
        );
    });
}
