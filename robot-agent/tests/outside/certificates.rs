//! What `certs/` may hold, and what is said about it before any connection.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use robot_agent::certificates::{
    self, CA_FILE, CERTIFICATE_FILE, Certificates, Finding, KEY_FILE, Severity,
};
use tempfile::TempDir;
use time::Duration;

use crate::pki::{self, Ca, folder, now};

fn read(folder: &TempDir) -> (Option<Certificates>, Vec<Finding>) {
    certificates::read(folder.path(), false, now())
}

/// The one finding that keeps the files from being used.
fn unusable(folder: &TempDir) -> String {
    let (certificates, findings) = read(folder);
    assert!(certificates.is_none(), "{findings:?}");
    let unusable: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Unusable)
        .collect();
    assert_eq!(unusable.len(), 1, "{findings:?}");
    unusable[0].text.clone()
}

/// The one finding about files that can be used all the same.
fn usable(folder: &TempDir) -> Finding {
    let (certificates, mut findings) = read(folder);
    assert!(certificates.is_some(), "{findings:?}");
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

fn good() -> (Ca, TempDir) {
    let ca = Ca::new("Test CA");
    let folder = folder(&ca.pem, &ca.sign("rover"));
    (ca, folder)
}

#[test]
fn good_files_give_no_finding() {
    let (_ca, folder) = good();
    let (certificates, findings) = read(&folder);
    assert_eq!(findings, []);
    assert_eq!(certificates.unwrap().common_name.as_deref(), Some("rover"));
}

#[test]
fn every_missing_file_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let (certificates, findings) = read(&empty);
    assert!(certificates.is_none());
    for file in [CA_FILE, CERTIFICATE_FILE, KEY_FILE] {
        let named = findings
            .iter()
            .any(|f| f.text.contains(file) && f.text.contains("is missing"));
        assert!(named, "{file}: {findings:?}");
    }
    assert_eq!(findings.len(), 3);
}

#[test]
fn what_is_no_pem_file_is_told_apart() {
    let (ca, folder) = good();
    let pair = ca.sign("rover");
    let request = rcgen::CertificateParams::default()
        .serialize_request(&pki::key())
        .unwrap()
        .pem()
        .unwrap();
    for (file, text, says) in [
        (CERTIFICATE_FILE, b"hello".to_vec(), "is not PEM"),
        (CERTIFICATE_FILE, Vec::new(), "is empty"),
        (CERTIFICATE_FILE, vec![0x30, 0x82, 1, 2], "is DER, not PEM"),
        (
            CERTIFICATE_FILE,
            pair.key.clone().into(),
            "holds a private key: it must hold a certificate",
        ),
        (
            CERTIFICATE_FILE,
            request.into(),
            "holds a certificate request",
        ),
        (
            CERTIFICATE_FILE,
            b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec(),
            "is damaged PEM",
        ),
        (
            CERTIFICATE_FILE,
            b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_vec(),
            "is damaged",
        ),
        (
            KEY_FILE,
            pair.certificate.clone().into(),
            "holds a certificate: it must hold a private key",
        ),
        (
            KEY_FILE,
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
                .to_vec(),
            "holds an encrypted key",
        ),
        (CA_FILE, vec![b'x'; 2 << 20], "is larger than 1 MiB"),
        (
            CA_FILE,
            b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_vec(),
            "holds no usable CA certificate",
        ),
    ] {
        pki::fill(folder.path(), &ca.pem, &pair);
        fs::write(folder.path().join(file), text).unwrap();
        let text = unusable(&folder);
        assert!(text.contains(file) && text.contains(says), "{says}: {text}");
    }
}

#[test]
fn a_folder_in_place_of_a_file_is_named() {
    let (_ca, folder) = good();
    fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
    fs::create_dir(folder.path().join(KEY_FILE)).unwrap();
    fs::set_permissions(folder.path().join(KEY_FILE), Permissions::from_mode(0o700)).unwrap();
    assert!(unusable(&folder).contains("is a folder"));
}

#[test]
fn a_key_that_others_can_read_is_a_warning_and_one_for_its_group_is_not() {
    let (_ca, folder) = good();
    let key = folder.path().join(KEY_FILE);
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let finding = usable(&folder);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.text.contains("has mode 0644"), "{finding}");
    assert!(finding.text.contains("chmod 600"), "{finding}");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    assert_eq!(read(&folder).1, []);
}

#[test]
fn a_key_of_another_certificate_is_named() {
    let (ca, folder) = good();
    fs::write(folder.path().join(KEY_FILE), ca.sign("rover").key).unwrap();
    assert!(unusable(&folder).contains("private.pem.key does not match certificate.pem"));
}

#[test]
fn times_are_judged_but_a_connection_may_be_tried() {
    let ca = Ca::new("Test CA");
    let day = Duration::days(1);
    for (from, until, severity, says) in [
        (-day * 9, -day, Severity::Error, "expired on"),
        (day, day * 9, Severity::Error, "is not valid before"),
        (-day, day * 29, Severity::Warning, "within 30 days"),
    ] {
        let pair = ca.sign_between("rover", now() + from, now() + until);
        let finding = usable(&folder(&ca.pem, &pair));
        assert_eq!(finding.severity, severity, "{finding}");
        assert!(finding.text.contains(says), "{finding}");
    }
    let pair = ca.sign_between("rover", now() - day, now() + day * 31);
    assert_eq!(read(&folder(&ca.pem, &pair)).1, []);
}

#[test]
fn a_namesake_of_the_ca_did_not_sign() {
    let pair = Ca::new("Outpost CA").sign("rover");
    let text = unusable(&folder(&Ca::new("Outpost CA").pem, &pair));
    assert!(
        text.contains("is not signed by the CA in cacert.pem"),
        "{text}"
    );
    assert!(text.contains("different servers"), "{text}");
}

#[test]
fn a_foreign_ca_is_a_warning() {
    let finding = usable(&folder(
        &Ca::new("Mine").pem,
        &Ca::new("Theirs").sign("rover"),
    ));
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.text.contains("by \"Theirs\""), "{finding}");
}

#[test]
fn with_the_roots_of_amazon_another_signer_is_as_it_should_be() {
    let roots = Ca::of("Amazon Root CA 1", "Amazon").pem
        + &Ca::of("Starfield Services Root", "Starfield Technologies, Inc.").pem;
    let finding = usable(&folder(
        &roots,
        &Ca::new("AWS IoT").sign("AWS IoT Certificate"),
    ));
    assert_eq!(finding.severity, Severity::Note);
}

#[test]
fn a_bundle_and_a_chain_are_searched_for_the_signer() {
    let ca = Ca::new("Test CA");
    let bundle = format!(
        "{}\n{}# a comment\n{}",
        Ca::new("Other").pem,
        Ca::new("Third").pem,
        ca.pem
    );
    assert_eq!(read(&folder(&bundle, &ca.sign("rover"))).1, []);
}

#[test]
fn all_findings_come_together_worst_first() {
    let (ca, folder) = good();
    let old = ca.sign_between(
        "rover",
        now() - Duration::days(9),
        now() - Duration::days(1),
    );
    fs::write(folder.path().join(CERTIFICATE_FILE), old.certificate).unwrap();
    fs::set_permissions(folder.path().join(KEY_FILE), Permissions::from_mode(0o666)).unwrap();
    let gravities: Vec<_> = read(&folder).1.iter().map(|f| f.severity).collect();
    assert_eq!(
        gravities,
        [Severity::Unusable, Severity::Error, Severity::Warning]
    );
}
