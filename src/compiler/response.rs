//! Response files: `@file` expanded as gcc and clang do it.
