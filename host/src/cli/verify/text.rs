//! The table for people.

use portcullis::{
    decision::RevocationsRecord,
    intake::TrustFiles,
    text::{excerpt, printable},
};

use super::said::Verified;
use crate::cli::{
    table::{joined, table},
    term::age,
};

pub(super) fn render(files: &[Verified], trust: Option<&TrustFiles>) -> String {
    let head = ["STATUS", "FILE", "CONTENT", "MODULE", "KIND", "PUBLISHER", "KEYS", "THRESHOLD", "REVOKED"];
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(files.iter().map(row)).collect();
    let mut lines = table(&rows).lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
    let mut text = lines.next().unwrap_or_default() + "\n";
    for (file, line) in files.iter().zip(lines) {
        text.push_str(&format!("{line}\n"));
        if let (Some(code), Some(reason)) = (file.code, &file.reason) {
            text.push_str(&format!("         [{code}] {}\n", printable(reason)));
        }
        if let Some(help) = &file.help {
            text.push_str(&format!("         {help}\n"));
        }
        for named in &file.revoked_by {
            text.push_str(&format!("         named by revocation {}\n", named.shown()));
        }
    }
    let trusted = files.iter().filter(|file| file.trusted).count();
    text.push_str(&format!("{trusted} of {} trusted", files.len()));
    if let Some(trust) = trust {
        text.push_str(&described(&trust.revocations_record()));
    }
    text.push('\n');
    text
}

fn row(file: &Verified) -> [String; 9] {
    let short = |name: &str| name.get(..12).unwrap_or(name).to_owned();
    let release = match (&file.name, &file.version) {
        (Some(name), Some(version)) => format!("{} {}", printable(name), excerpt(version, 64)),
        _ => "-".to_owned(),
    };
    // Of a file that is not trusted, whoever signed it is shown.
    let publishers = joined(file.thresholds.iter().map(|threshold| printable(&threshold.publisher)));
    let thresholds = file
        .thresholds
        .iter()
        .filter(|threshold| file.publisher.as_ref().is_none_or(|own| *own == threshold.publisher));
    let signed = file.thresholds.iter().flat_map(|threshold| {
        threshold.key_ids.iter().chain(&threshold.revoked_key_ids).chain(&threshold.out_of_time_key_ids)
    });
    let keys: Vec<String> = match file.trusted {
        true => file.key_ids.iter().map(|key| short(key)).collect(),
        false => signed.map(|key| short(key)).collect(),
    };
    [
        if file.trusted { "trusted" } else { "REFUSED" }.to_owned(),
        file.file.clone(),
        file.content_digest.as_deref().map_or_else(|| "-".to_owned(), short),
        release,
        file.kind.unwrap_or("-").to_owned(),
        file.publisher.as_deref().map_or(publishers, printable),
        joined(keys),
        joined(thresholds.map(|threshold| format!("{} of {}", threshold.counted, threshold.needed))),
        file.revocation.unwrap_or("-").to_owned(),
    ]
}

fn described(record: &RevocationsRecord) -> String {
    match &record.list {
        Some(list) => format!(
            "; revocation list {} version {}.{}, {}, {}",
            excerpt(&list.list_id, 64),
            list.epoch,
            list.version,
            age(list.age_seconds),
            record.status
        ),
        None if record.status == "none" => "; no revocation list is asked for".to_owned(),
        None => format!("; revocation list: {}", record.status),
    }
}
