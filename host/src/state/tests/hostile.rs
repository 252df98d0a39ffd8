//! Servers that say what no server says.

use std::net::{SocketAddr, TcpListener};

use super::{
    server::{PASSWORD, Then, hasty, patient, says},
    *,
};

/// Every kind of question, each over a connection of its own.
fn ask_all(address: SocketAddr) -> Vec<StateError> {
    let agent = id("a");
    let store = || patient(address);
    let one = holder("one");
    let results: [Result<String, StateError>; 9] = [
        store().get(&keys::agent_state(&agent)).map(|found| format!("{found:?}")),
        store().put(&keys::agent_state(&agent), b"1", None).map(|found| format!("{found:?}")),
        store().count(&keys::agent_errors(&agent), &id("n"), 1, 9, None).map(|found| format!("{found:?}")),
        store().counters(&keys::agent_errors(&agent)).map(|found| format!("{found:?}")),
        store().append(&keys::revocations(), b"1", None).map(|found| format!("{found:?}")),
        store().read(&keys::revocations(), 0, 9).map(|found| format!("{found:?}")),
        store().acquire(&keys::agent_lock(&agent), &one).map(|found| format!("{found:?}")),
        store().held(&keys::agent_lock(&agent)).map(|found| format!("{found:?}")),
        store().agents().map(|found| format!("{found:?}")),
    ];
    results.into_iter().map(|result| result.expect_err("nothing of it is to be believed")).collect()
}

fn all_have(address: SocketAddr, expected: &[&str], what: &str) {
    for error in ask_all(address) {
        assert!(expected.contains(&error.code()), "{what}: {error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains('\u{1b}'), "{what}: {shown}");
    }
}

#[test]
fn nothing_that_a_server_says_is_believed_without_a_look() {
    use Then::{Closes, GoesOn};
    for (bytes, then) in [
        ("$9223372036854775807\r\n", Closes),
        ("*2147483647\r\n", Closes),
        ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", GoesOn),
        ("*3\r\n$2\r\nok\r\n:1\r\n:2\r\n", Closes),
        ("*2\r\n$2\r\nok\r\n*-1\r\n", Closes),
        ("+OK\r\n+OK\r\n", Closes),
        ("a line without an end ", GoesOn),
        ("+a line without an end ", GoesOn),
        ("HTTP/1.1 200 OK\r\n\r\n", Closes),
        ("\u{0}\u{0}\u{0}\u{0}", GoesOn),
        ("*0\r\n", Closes),
        (":7\r\n", Closes),
    ] {
        all_have(says(bytes.as_bytes(), then), &["state-protocol", "state-unsure"], bytes);
    }
}

#[test]
fn a_server_that_goes_away_in_the_middle_is_lost() {
    for bytes in ["", "$", "$5\r\nab", "*2\r\n$2\r\nok\r\n", "+OK"] {
        all_have(says(bytes.as_bytes(), Then::Closes), &["state-unreachable", "state-unsure"], bytes);
    }
}

#[test]
fn a_server_that_drips_or_says_nothing_is_given_up() {
    let drips = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = drips.local_addr().expect("an address");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = drips.accept() {
            thread::spawn(move || {
                use std::io::Write as _;
                while stream.write_all(b"+").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    for address in [address, silent.local_addr().expect("an address")] {
        let store = hasty(address);
        let error = store.put(&keys::agent_state(&id("a")), b"1", None).expect_err("no answer");
        assert_eq!(error, StateError::Unreachable("it did not answer in time".to_owned()), "nobody was let in");
    }
}

#[test]
fn where_nobody_listens_nothing_was_done() {
    // A port that is for the system alone, and for a service that nobody has.
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    all_have(address, &["state-unreachable"], "nobody");
}

#[test]
fn what_a_server_refuses_has_a_code_and_names_no_password() {
    for (says_so, expected) in [
        ("-NOAUTH Authentication required.", "state-denied"),
        ("-WRONGPASS invalid username-password pair", "state-denied"),
        ("-OOM command not allowed when used memory > 'maxmemory'.", "state-full"),
        ("-READONLY You can't write against a read only replica.", "state-read-only"),
        ("-LOADING Redis is loading the dataset in memory", "state-busy"),
        ("-BUSY Redis is busy running a script.", "state-busy"),
        ("-WRONGTYPE Operation against a key holding the wrong kind of value", "state-corrupted"),
        ("-ERR Error running script: @user_script:1: WRONGTYPE Operation", "state-corrupted"),
        ("-ERR your password is hunter2, \u{1b}[31mhunter2", "state-refused"),
        ("-", "state-refused"),
    ] {
        all_have(says(format!("{says_so}\r\n").as_bytes(), Then::Listens), &[expected], says_so);
    }
}

#[test]
fn a_scan_that_never_ends_ends() {
    // The same round again and again: the cursor never comes back to its start, and each agent is told once.
    let bytes = b"*2\r\n$1\r\n7\r\n*1\r\n$13\r\nagent:a:state\r\n";
    let address = says(bytes, Then::Listens);
    assert_eq!(patient(address).agents(), Err(StateError::Protocol("a scan that comes to no end")));
}
