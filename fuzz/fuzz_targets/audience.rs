#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| makepkg_distcc_fuzz::audience(bytes));
