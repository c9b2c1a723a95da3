//! Tests that drive the real programs against real peers.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails should say where"))]
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say where"
)]

#[test]
fn banner_names_the_port() {
    assert!(makepkg_distcc::base::version::banner("distcc").contains("(default port 3632)"));
}
