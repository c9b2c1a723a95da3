//! Tests that drive the real programs against real peers.

#[test]
fn banner_names_the_port() {
    let banner = makepkg_distcc::base::version::banner("distcc");
    let line = banner.lines().nth(1).unwrap();
    assert!(line.contains("(default port 3632)"));
}
