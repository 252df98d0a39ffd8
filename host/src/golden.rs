//! Files that outputs are held against in tests.

use std::path::Path;

/// Compares with `file`, whose path starts at `host/src` and which holds `golden`, or rewrites it when `PORTCULLIS_BLESS` is set.
#[track_caller]
pub(crate) fn check(file: &str, text: &str, golden: &str) {
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
        std::fs::write(path, text).expect("the golden file is written");
    } else {
        assert_eq!(text, golden, "{file}; PORTCULLIS_BLESS=1 rewrites it");
    }
}
