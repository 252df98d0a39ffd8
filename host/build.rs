//! Tells the program which wasmtime it is built with, to the patch: a compiled module of another release is never run.

fn main() {
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let lock = std::fs::read_to_string("../Cargo.lock").unwrap_or_default();
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"wasmtime\"\n"))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next())
        .expect("Cargo.lock names wasmtime");
    println!("cargo::rustc-env=WASMTIME_VERSION={version}");
}
