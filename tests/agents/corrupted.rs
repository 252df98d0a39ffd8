//! A state in which somebody else has written: what cannot be read lets no agent start, and none go on that it may revoke.

use portcullis::state::{Id, keys};
use rusqlite::Connection;
use serde_json::json;

use super::{bed::*, *};

impl Bed {
    /// Writes what no program writes over what an agent's state is.
    pub(super) fn corrupt(&self, agent: &str) {
        let key = format!("agent:{agent}:state");
        match &self.server {
            Some(server) => server.does(&["SET", &key, "garbage"]),
            None => {
                let rows = Connection::open(self.dir.path("state.sqlite")).expect("a file");
                rows.busy_timeout(Duration::from_secs(20)).expect("set");
                let changed = rows.execute("UPDATE entries SET value = x'00' WHERE key = ?1", [&key]).expect("written");
                assert_eq!(changed, 1);
            }
        }
    }

    /// Adds to the ledger of revocations what no program adds.
    fn damage_ledger(&self) {
        match &self.server {
            Some(server) => server.does(&["RPUSH", keys::revocations().name(), "garbage"]),
            None => {
                let rows = Connection::open(self.dir.path("state.sqlite")).expect("a file");
                rows.busy_timeout(Duration::from_secs(20)).expect("set");
                let sql = "INSERT INTO items (key, number, version, checksum, value) SELECT key, number + 1, version, checksum, x'00' \
                    FROM items WHERE key = ?1 ORDER BY number DESC LIMIT 1";
                assert_eq!(rows.execute(sql, [keys::revocations().name()]).expect("written"), 1);
            }
        }
    }
}

#[test]
fn what_is_kept_of_an_agent_and_cannot_be_read_lets_it_not_start() {
    Bed::each(|bed| {
        bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
        bed.store.put(&keys::agent_state(&Id::parse("a").expect("a name")), b"{}", None).expect("written");
        bed.run().exits(3).says("agent-state-unreadable");
        assert_eq!((bed.starts("a"), bed.holder("a")), (0, None));
        let entry = of(&bed.dir.decision(), "a").clone();
        assert_eq!((&entry["status"], &entry["hindrance"]), (&json!("FAILED"), &json!("agent-state-unreadable")));
    });
}

#[test]
fn damage_lets_an_agent_not_start_and_is_not_waited_for() {
    Bed::each(|bed| {
        bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
        bed.store.put(&keys::agent_state(&Id::parse("a").expect("a name")), b"{}", None).expect("written");
        bed.corrupt("a");
        let ended = bed.run();
        ended.exits(3).says("state-corrupted");
        assert!(ended.took < Duration::from_secs(20), "{ended}");
        assert_eq!((bed.starts("a"), bed.holder("a")), (0, None));
    });
}

#[test]
fn an_entry_of_the_ledger_that_nobody_can_read_ends_every_agent_and_lets_none_start() {
    Bed::each(|bed| {
        let script = format!("{INTO_EXECUTE}make beta '{{}}'\ndeeds\nstay go\n");
        bed.manifest(&[&floor(), &bed.agent("a", &script, ""), &bed.agent("b", &script, "")]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a", "b"]);
        bed.store.append(&keys::revocations(), b"{\"banned\":\"all\"}", None).expect("written");
        running.wait().exits(3).says("agent-ledger-unreadable");
        let record = bed.dir.decision();
        for agent in ["a", "b"] {
            let entry = of(&record, agent);
            let expect = (&json!("FAILED"), &json!("agent-ledger-unreadable"));
            assert_eq!((&entry["status"], &entry["hindrance"]), expect, "{entry}");
            bed.is_gone(agent);
            bed.has_kept_what_it_said(agent);
            assert_eq!((bed.history(agent).len(), bed.holder(agent)), (1, None));
        }
        bed.run().exits(3).says("agent-ledger-unreadable");
        assert_eq!((bed.starts("a"), bed.starts("b")), (1, 1));
    });
}

#[test]
fn a_ledger_that_is_damaged_while_an_agent_runs_ends_it_before_its_lock_is_over() {
    Bed::each(|bed| {
        let script = format!("{INTO_EXECUTE}make beta '{{}}'\ndeeds\nstay go\n");
        bed.manifest(&[&floor(), &bed.agent("a", &script, "heartbeat = '3s'\nlock = '4s'\n")]);
        bed.office(&["revoke", "somebody", "--reason", "so that there is an entry"]).exits(0);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a"]);
        bed.damage_ledger();
        let ended = running.wait();
        let entry = of(&bed.dir.decision(), "a").clone();
        assert_eq!(entry["status"], "REVOKED", "{ended}\n{entry}");
        assert_eq!(entry["revocation"]["type"], "LOCK_EXPIRED", "it could not be watched any more: {entry}");
        let is_written = entry["missing"]
            .as_array()
            .is_some_and(|missing| !missing.contains(&json!("the revocation in the ledger")));
        ended.exits(if is_written { 1 } else { 3 });
        bed.is_gone("a");
        bed.has_kept_what_it_said("a");
        assert_eq!((bed.history("a").len(), bed.snapshot("a")["status"].as_str()), (1, Some("REVOKED")), "{entry}");
        bed.run().exits(3);
        assert_eq!(bed.starts("a"), 1, "a ledger that nobody can read lets nobody start");
    });
}
