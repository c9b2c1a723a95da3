//! Command lines of compilers: what one means, whether it may leave this machine, and what becomes
//! of it there.
//!
//! One compile: [`invocation::read`] says how we were called, [`scan::scan`] turns the words into a
//! [`scan::Plan`] with the help of [`response`] (`@file`) and the tables in [`options`]; a plan to
//! distribute holds a [`unit::TranslationUnit`], from which [`rewrite`] makes the command lines for
//! the preprocessor here and the compiler there ([`pump`]: those of pump mode), [`depfile`] the
//! dependency file's name and target, and [`target`] the compiler names to ask for; a plan to stay
//! holds a [`reason::Reason`]. The volunteer reads the same words through [`admit::plain`], and a
//! pump client's through [`admit::pump`]. [`object::identify`] (with [`arm_attributes`]) tells
//! which compiler wrote an object, [`talk`] whether a volunteer's may have the word. [`names`]
//! knows a compiler by its name. [`text`] reads source text.

pub mod admit;
pub mod arm_attributes;
pub mod body;
pub mod depfile;
pub mod directive;
pub mod invocation;
pub mod language;
pub mod mismatch;
pub mod names;
pub mod object;
pub mod options;
pub mod passed;
pub mod pump;
pub mod reason;
pub mod response;
pub mod rewrite;
pub mod scan;
pub mod stock;
pub mod talk;
pub mod target;
pub mod text;
pub mod unit;
pub mod words;
