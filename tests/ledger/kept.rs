//! What a run leaves in the ledger, and where that is.

use super::*;
use crate::harness::{PASS, answering};

#[test]
fn a_run_is_kept_whole() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.echo();
    dir.write("in.json", "\n{ \"n\": 1.50 }\n");
    dir.write("suppressions.json", r#"{"schema":1,"suppressions":[]}"#);
    let sources = "[evidence.file]\nfile = 'in.json'\n[evidence.ran]\ncommand = ['/bin/echo', 'out']\n[evidence.gone]\nfile = 'gone.json'\n";
    let gates = "[gate.echo]\nmodule = 'echo.wasm'\ninput = { file = 'file', ran = 'ran' }\n\
        [gate.blocked]\nmodule = 'echo.wasm'\ninput = 'gone'\nenforcement = 'advisory'\n";
    dir.manifest(&format!("{sources}{gates}{}", answering("good", PASS)));
    let ended = dir.portcullis(&["run", "--subject", "git:0123456789abcdef0123456789abcdef01234567"]).run();
    println!("{ended}");
    let export = Export::of(&dir);
    println!("{:#}", export.run);
    for (k, v) in &export.blobs { println!("{k} {}", String::from_utf8_lossy(&v[..v.len().min(3000)])); }
    println!("{:#}", dir.decision());
    panic!();
}
