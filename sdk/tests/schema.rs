//! The published schemas are those of the types. `BLESS=1 cargo test -p portcullis-sdk` rewrites them.

use std::{env, fs, path::Path};

use serde_json::Value;

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for (name, schema) in portcullis_sdk::schema::all() {
        let path = folder.join(name);
        // Compared as values: the order of members depends on features that other packages of the build turn on.
        let published = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if published.as_ref() == Some(schema.as_value()) {
            continue;
        }
        assert!(env::var_os("BLESS").is_some(), "{name} is out of date; BLESS=1 rewrites it");
        let fresh = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
        fs::create_dir_all(&folder).and_then(|()| fs::write(&path, fresh)).expect("the schema can be written");
    }
}
