//! The text of makepkg's configuration: a bash file that people edit and that we change without
//! touching a byte more than we must.
