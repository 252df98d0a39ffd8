//! What is collected when: at once where nothing depends on anything, and one after another where it does.

use serde_json::json;

use super::{dir, handed, input, manifest};

/// A command that waits until another has begun.
fn waits(name: &str, own: &str, other: &str) -> String {
    let script = format!("touch {own}; until [ -e {other} ]; do sleep 0.05; done; echo met");
    format!(
        "{name} = {{ command = ['/bin/sh', '-c', '{script}'], env = {{ PATH = '/usr/bin:/bin' }}, timeout = '60s' }}"
    )
}

#[test]
fn sources_that_wait_for_each_other_meet() {
    let dir = dir();
    // One after another, the first of them would wait for the others until its time is over.
    let sources = [waits("a", "one", "three"), waits("b", "two", "one"), waits("c", "three", "two")].join("\n");
    for jobs in ["1", "4"] {
        manifest(&dir, "", &sources);
        dir.portcullis(&["run", "--jobs", jobs]).run().exits(0);
        let document = handed(&dir);
        assert!(["a", "b", "c"].iter().all(|name| document[name]["stdout"] == "met\n"), "{document}");
        for file in ["one", "two", "three"] {
            std::fs::remove_file(dir.path(file)).expect("removed");
        }
    }
}

#[test]
fn what_comes_after_another_sees_what_that_did() {
    let dir = dir();
    let sources = "c = { command = ['/bin/cat', 'made'], after = ['b'] }\n\
        b = { command = ['/bin/sh', '-c', 'sleep 1; echo b >>made'], after = ['a'], env = { PATH = '/usr/bin:/bin' } }\n\
        a = { command = ['/bin/sh', '-c', 'echo a >made'] }";
    manifest(&dir, "", sources);
    dir.run().exits(0);
    assert_eq!(handed(&dir)["c"]["stdout"], "a\nb\n");
}

#[test]
fn what_comes_after_one_that_failed_is_not_asked() {
    let dir = dir();
    let sources = "a = { command = ['/no/such/program'] }\n\
        b = { command = ['/bin/sh', '-c', 'echo b >made'], after = ['a'] }\n\
        c = { value = 1 }";
    manifest(&dir, "", sources);
    dir.run().exits(3);
    assert!(!dir.has("made"));
    let decision = dir.decision();
    assert_eq!(input(&decision, "a")["outcome"], "not_found");
    assert_ne!(input(&decision, "b")["outcome"], "completed");
    assert_eq!(input(&decision, "c")["outcome"], "completed");
    assert_eq!(decision["gates"][0]["outcome"], json!("fault"));
}

#[test]
fn an_order_without_a_beginning_is_misuse() {
    let dir = dir();
    for sources in [
        "a = { value = 1, after = ['a'] }",
        "a = { command = ['/bin/true'], after = ['a'] }",
        "a = { command = ['/bin/true'], after = ['b'] }\nb = { command = ['/bin/true'], after = ['a'] }",
        "a = { command = ['/bin/true'], after = ['gone'] }",
        "a = { http = { url = 'http://127.0.0.1:1/', resume = 'a' } }",
        "a = { http = { url = 'http://127.0.0.1:1/', resume = 'b' } }\nb = { http = { url = 'http://127.0.0.1:1/', resume = 'a' } }",
        "a = { http = { url = 'http://127.0.0.1:1/', resume = true } }",
    ] {
        manifest(&dir, "", sources);
        dir.run().exits(2);
        dir.has_no_artifacts();
    }
}

#[test]
fn no_command_runs_for_a_plan_with_a_module_that_is_refused() {
    let dir = dir();
    let foreign = "(module (import \"env\" \"x\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))";
    dir.gate("foreign.wasm", "gate", foreign);
    dir.gate("no-start.wasm", "gate", "(module (memory (export \"memory\") 1))");
    let sources = "e = { command = ['/bin/sh', '-c', 'echo x >ran'] }";
    let other = |module: &str, more: &str| {
        manifest(&dir, "", sources);
        let text = dir.text("portcullis.toml");
        dir.write("portcullis.toml", format!("{text}[gate.other]\nmodule = '{module}'\ninput = 'e'\n{more}"));
        dir.run()
    };
    for (module, more, code) in [
        ("foreign.wasm", "", "foreign-imports"),
        ("no-start.wasm", "", "no-start"),
        ("echo.wasm", "kind = 'readiness'\n", "wrong-kind"),
    ] {
        other(module, more).exits(4).refuses_with(code);
        assert!(!dir.has("ran"), "{module}");
        dir.has_no_artifacts();
    }
    other("echo.wasm", "kind = 'gate'\n").exits(0);
    assert_eq!(dir.text("ran"), "x\n", "the command is one that tells that it ran");
}
