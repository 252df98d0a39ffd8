//! Approvals that someone would like to count: each is ignored, the gate says why, and the run ends as it does without one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{NOON, SUBJECT, Scene, manifest};
use crate::harness::{REVIEW, answering};

#[test]
fn it_counts_from_when_it_was_made_until_it_expires() {
    let scene = Scene::new();
    scene.approve("ann", &["--now", NOON, "--expires", "2026-01-20T12:00:00Z"]);
    for (now, code) in [
        ("2026-01-10T11:00:00Z", Some("APPROVAL_NOT_YET_VALID")),
        ("2020-01-01T00:00:00Z", Some("APPROVAL_NOT_YET_VALID")),
        ("2026-01-20T12:00:01Z", Some("APPROVAL_EXPIRED")),
        ("2100-01-01T00:00:00Z", Some("APPROVAL_EXPIRED")),
    ] {
        scene.counts_for_nothing(&["--now", now], code);
    }
    scene.counts(&["--now", "2026-01-15T00:00:00Z"]);
}

#[test]
fn it_counts_for_the_evidence_that_was_seen_and_no_other() {
    let scene = Scene::new();
    let approved = manifest(REVIEW);
    scene.approve("ann", &[]);
    // The gate says the same of it, and it is another document.
    let other = approved.replacen("value = \"", "value = \"20", 1);
    scene.dir.manifest(&other);
    scene.counts_for_nothing(&[], Some("APPROVAL_OTHER_EVIDENCE"));
    // One piece more.
    let input = "input = { text = \"manual\" }";
    scene.dir.manifest(&approved.replacen(input, "input = { text = \"manual\", x = \"good\" }", 1));
    scene.counts_for_nothing(&[], Some("APPROVAL_OTHER_EVIDENCE"));
    // What the manifest calls a piece is no matter, and what the gate knows it as is.
    scene
        .dir
        .manifest(&approved.replace("[evidence.manual]", "[evidence.m]").replace("text = \"manual\"", "text = \"m\""));
    scene.counts(&[]);
    let before_and_now = |input: &str| {
        let two = "[evidence]\nbefore = { value = 1 }\nnow = { value = 2 }\n";
        format!("{two}{}", approved.replacen("input = { text = \"manual\" }", input, 1))
    };
    std::fs::remove_dir_all(scene.dir.path("approvals")).expect("removed");
    scene.dir.manifest(&before_and_now("input = { text = \"manual\", before = \"before\", now = \"now\" }"));
    scene.approve("ann", &[]);
    scene.counts(&[]);
    scene.dir.manifest(&before_and_now("input = { text = \"manual\", before = \"now\", now = \"before\" }"));
    scene.counts_for_nothing(&[], Some("APPROVAL_OTHER_EVIDENCE"));
}

#[test]
fn it_counts_for_the_gate_as_it_was_and_no_other() {
    let scene = Scene::new();
    let approved = manifest(REVIEW);
    scene.approve("ann", &[]);
    let params = approved.replacen(
        "input = { text = \"manual\" }\n",
        "input = { text = \"manual\" }\nparams = { strict = false }\n",
        1,
    );
    scene.dir.manifest(&params);
    scene.counts_for_nothing(&[], Some("APPROVAL_OTHER_PARAMS"));
    scene.dir.manifest(&approved);
    let text = scene.dir.text("portcullis.toml");
    scene.dir.write("portcullis.toml", text.replacen("name = \"e2e\"", "name = \"production\"", 1));
    scene.counts_for_nothing(&[], Some("APPROVAL_OTHER_POLICY"));
    scene.dir.write("portcullis.toml", &text);
    // Another module under the gate's name, though it answers the same.
    scene.dir.gate("other.wasm", "gate", crate::harness::PARROT);
    scene.dir.write("portcullis.toml", text.replacen("parrot-gate.wasm", "other.wasm", 1));
    scene.counts_for_nothing(&[], Some("APPROVAL_OTHER_MODULE"));
}

#[test]
fn it_counts_for_one_gate_and_not_for_its_neighbour() {
    let scene = Scene::new();
    scene.trust_with(&format!("[approver.ann]\nkeys = [\"{}\"]\ngates = [\"*\"]\n", scene.short("ann")), "");
    scene.approve("ann", &[]);
    scene.dir.manifest(&format!("{}{}", manifest(REVIEW), answering("neighbour", REVIEW)));
    scene.run(&[]).exits(1);
    let decision = scene.dir.decision();
    let outcomes: Vec<_> = decision["gates"].as_array().expect("gates").iter().map(|gate| &gate["outcome"]).collect();
    assert_eq!(outcomes, ["pass", "pass", "review"]);
}

#[test]
fn it_counts_for_the_subject_that_it_names_and_no_other() {
    let scene = Scene::new();
    scene.approve("ann", &[]);
    for subject in ["git:ffff456789abcdef0123456789abcdef01234567", &SUBJECT[..SUBJECT.len() - 1], "git:", "*"] {
        scene.counts_for_nothing(&["--subject", subject], Some("APPROVAL_OTHER_SUBJECT"));
    }
    scene.portcullis(&["run", "--strict-manual"]).exits(1).says("APPROVAL_OTHER_SUBJECT");
    scene.counts(&[]);
}

#[test]
fn it_counts_from_an_approver_of_the_gate_and_nobody_else() {
    let scene = Scene::new();
    for key in ["own", "bob", "eve"] {
        let file = scene.approve(key, &[]);
        scene.counts_for_nothing(&[], Some("APPROVAL_WRONG_PERSON"));
        std::fs::remove_file(scene.dir.path(file)).expect("removed");
    }
    let ann = scene.approve("ann", &[]);
    scene.counts(&[]);
    // Who may approve is what the trust file says now.
    for gates in ["[]", "[\"man\"]", "[\"other\"]"] {
        scene.trust_with(&format!("[approver.ann]\nkeys = [\"{}\"]\ngates = {gates}\n", scene.short("ann")), "");
        let ended = scene.run(&[]);
        assert!(matches!(ended.status, Some(1 | 4)), "{gates}: nobody, or no trust file\n{ended}");
    }
    scene.trust_with("", "");
    scene.counts_for_nothing(&[], Some("APPROVAL_WRONG_PERSON"));
    let window = format!(
        "[approver.ann]\nkeys = [{{ key = \"{}\", not_after = \"2020-01-01T00:00:00Z\" }}]\ngates = [\"manual\"]\n",
        scene.short("ann")
    );
    scene.trust_with(&window, "");
    scene.counts_for_nothing(&[], Some("APPROVAL_WRONG_PERSON"));
    scene.trust("");
    scene.counts(&[]);
    assert!(scene.dir.has(ann));
}

#[test]
fn a_revoked_key_approves_nothing() {
    let scene = Scene::new();
    scene.approve("ann", &[]);
    scene.dir.new_key("carl");
    let role = format!("keys = [\"{}\"]\nthreshold = 1\n", scene.short("carl"));
    scene.trust(&format!("[role.revocation]\n{role}[revocations]\nlist = \"list.json\"\n"));
    let revocations = |arguments: &[&str]| scene.portcullis(&[&["revocations"], arguments].concat()).exits(0).status;
    revocations(&["new", "draft.json", "--id", "ours", "--trust", "trust.toml"]);
    let publish = || revocations(&["sign", "draft.json", "--key", "carl.key", "--out", "list.json"]);
    publish();
    scene.counts(&[]);
    revocations(&["add", "list.json", "--signer", "ann.pub", "--reason", "key-compromise", "--out", "draft.json"]);
    publish();
    scene.counts_for_nothing(&[], Some("APPROVAL_REVOKED"));
}

/// An approval's envelope, and its payload.
fn opened(scene: &Scene, file: &str) -> (Value, Value) {
    let envelope = scene.dir.json(file);
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("base64")).expect("base64");
    (envelope, serde_json::from_slice(&payload).expect("JSON"))
}

#[test]
fn a_changed_payload_counts_for_nothing() {
    let scene = Scene::new();
    let file = scene.approve("ann", &["--now", NOON, "--expires", "2026-01-20T12:00:00Z"]);
    let (envelope, payload) = opened(&scene, &file);
    for (member, value) in [
        ("expires", json!("2099-01-20T12:00:00Z")),
        ("reason", json!("something else")),
        ("subject", json!(SUBJECT.to_uppercase())),
        ("issued", json!("2026-01-10T12:00:01Z")),
    ] {
        let mut changed = payload.clone();
        assert!(changed[member].is_string(), "{member} of {payload}");
        changed[member] = value;
        let mut forged = envelope.clone();
        forged["payload"] = json!(STANDARD.encode(changed.to_string()));
        scene.dir.write(&file, forged.to_string());
        scene.counts_for_nothing(&["--now", NOON], Some("APPROVAL_TAMPERED"));
    }
    let mut other_type = envelope.clone();
    other_type["payloadType"] = json!("application/vnd.portcullis.revocations.v1+json");
    scene.dir.write(&file, other_type.to_string());
    scene.run(&["--now", NOON]).exits(1);
    assert_eq!(super::codes(&scene.manual()).len(), 1);
    scene.dir.write(&file, envelope.to_string());
    scene.counts(&["--now", NOON]);
}

#[test]
fn a_changed_signature_counts_for_nothing_and_a_keyid_is_only_a_hint() {
    let scene = Scene::new();
    let bobs = scene.approve("bob", &["--now", NOON, "--expires", "2027-01-01T00:00:00Z"]);
    let (of_bob, _) = opened(&scene, &bobs);
    std::fs::remove_file(scene.dir.path(bobs)).expect("removed");
    let file = scene.approve("ann", &[]);
    let (envelope, _) = opened(&scene, &file);
    let forge = |change: &dyn Fn(&mut Value), code: Option<&str>| {
        let mut forged = envelope.clone();
        change(&mut forged["signatures"]);
        scene.dir.write(&file, forged.to_string());
        match code {
            Some(code) => scene.counts_for_nothing(&[], Some(code)),
            None => scene.counts(&[]),
        }
    };
    let mut flipped = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().expect("base64")).expect("base64");
    flipped[3] ^= 1;
    let tampered = Some("APPROVAL_TAMPERED");
    forge(&|signatures| signatures[0]["sig"] = json!(STANDARD.encode(&flipped)), tampered);
    forge(&|signatures| signatures[0]["sig"] = json!(""), tampered);
    forge(&|signatures| *signatures = json!([]), tampered);
    // Another's word under her name, over what she signed.
    forge(&|signatures| signatures[0]["sig"] = of_bob["signatures"][0]["sig"].clone(), tampered);
    // Her word under another's name is her word; beside another's too.
    forge(&|signatures| signatures[0]["keyid"] = of_bob["signatures"][0]["keyid"].clone(), None);
    forge(&|signatures| signatures.as_array_mut().expect("a list").insert(0, of_bob["signatures"][0].clone()), None);
    assert_eq!(scene.dir.decision()["approvals"][0]["approver"], "ann");
}
