//! Keeps a host list as the `[[volunteer]]` tables of a `setup.toml`.

use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, ProtocolWish, Transport};
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};
use crate::setup::apply::{ask, diff};
use crate::setup::configure::target::{Target, TargetError, TargetOptions};
use crate::setup::hosts::propose::Proposal;
use crate::setup::screen;
use crate::setup::settings::{self, SYSTEM_FILE};
use crate::setup::subject::{Subject, SubjectOptions};

/// The key of the tables.
const KEY: &str = "volunteer";

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum WriteError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// There is no place for what `undo` needs.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The file is there and is no TOML, or `volunteer` is something else in it.
    #[error("{file}: {why}", file = .0.display(), why = .1)]
    Malformed(PathBuf, String),
    /// A host that `setup.toml` has no words for.
    #[error(
        "host spec `{0}`: setup.toml has no word for ssh; write it by distcc-setup configure \
         --hosts"
    )]
    Ssh(String),
}

/// Shows what would change, asks unless `yes`, and writes. `false` if the answer is no.
pub(super) fn write(
    options: &SubjectOptions,
    proposal: &Proposal,
    yes: bool,
) -> Result<bool, WriteError> {
    let subject = Subject::find(options);
    let (file, target) = file(&subject);
    let old = Seen::read(&file)?;
    let text = String::from_utf8_lossy(old.content.as_deref().unwrap_or_default()).into_owned();
    let malformed = |why| WriteError::Malformed(file.clone(), why);
    let new = edited(&text, &proposal.hosts, proposal.usual_port).map_err(|error| match error {
        EditError::Ssh(spec) => WriteError::Ssh(spec),
        EditError::Malformed(why) => malformed(why),
    })?;
    if new == text {
        screen::write(&format!("\n{} has them already.\n", file.display()));
        return Ok(true);
    }
    let mut change = Change::new(old, new.into_bytes());
    if file.starts_with(subject.home.as_deref().unwrap_or(Path::new("/root"))) {
        change.ownership.owner = subject.user.as_ref().map(|user| (user.uid, user.gid));
    }
    let set = ChangeSet { changes: vec![change], rests_on: Vec::new() };
    screen::write(&format!("\n{}", diff::of_all(&set, diff::has_colours())));
    set.ensure_writable()?;
    if !yes && !ask::confirm("Write this?", true) {
        return Ok(false);
    }
    let state = Target::find(&target)?.state;
    state.lock()?.apply(&set, "hosts --write")?;
    screen::write(&format!(
        "Written. `distcc-setup configure` writes them into makepkg.conf.\nTaken back by: \
         distcc-setup undo --file {}\n",
        file.display()
    ));
    Ok(true)
}

/// The file that holds the volunteers now, else the system's for root and the user's for others.
fn file(subject: &Subject) -> (PathBuf, TargetOptions) {
    let system = Path::new("/").join(SYSTEM_FILE);
    let own = subject.home.as_deref().map(settings::user_file);
    let holds = |file: &Path| {
        let text = Seen::read(file).ok().and_then(|seen| seen.content).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.parse::<DocumentMut>().is_ok_and(|document| document.contains_key(KEY))
    };
    let file = match own {
        Some(own) if holds(&own) || !Uid::effective().is_root() => own,
        _ => system,
    };
    let target = TargetOptions { file: Some(file.clone()), ..TargetOptions::default() };
    (file, target)
}

/// What an edit stumbles over.
#[derive(Debug, PartialEq, Eq)]
enum EditError {
    Ssh(String),
    Malformed(String),
}

/// The text with these hosts for its volunteers; all else stays as it is. A table of a host that
/// stays keeps its name and comments.
fn edited(text: &str, hosts: &[HostSpec], usual_port: u16) -> Result<String, EditError> {
    let bad = |error: toml_edit::TomlError| EditError::Malformed(error.to_string());
    let mut document: DocumentMut = text.parse().map_err(bad)?;
    let old = match document.get(KEY) {
        None => ArrayOfTables::new(),
        Some(Item::ArrayOfTables(tables)) => tables.clone(),
        Some(_) => {
            let why = "`volunteer` is not written as [[volunteer]]: remove it, or write it so";
            return Err(EditError::Malformed(why.to_owned()));
        }
    };
    let mut new = ArrayOfTables::new();
    for host in hosts {
        let (address, port) = place(host)?;
        let same = |table: &&Table| {
            let text = |key| table.get(key).and_then(Item::as_str);
            let number = |key| table.get(key).and_then(Item::as_integer);
            text("address") == Some(address)
                && (host.is_local()
                    || number("port").unwrap_or(usual_port.into()) == i64::from(port))
        };
        let mut table = old.iter().find(same).cloned().unwrap_or_default();
        let port = Some(port).filter(|port| *port != usual_port && !host.is_local());
        fill(&mut table, host, address, port);
        new.push(table);
    }
    // Tables are printed in the order of their places in the old text.
    for (at, table) in new.iter_mut().enumerate() {
        table.set_position(isize::try_from(at + document.len()).ok());
    }
    document.insert(KEY, Item::ArrayOfTables(new));
    Ok(document.to_string())
}

fn place(host: &HostSpec) -> Result<(&str, u16), EditError> {
    match &host.transport {
        Transport::Tcp { host, port } => Ok((host, *port)),
        Transport::Local => Ok(("localhost", DEFAULT_PORT)),
        Transport::Ssh { .. } => Err(EditError::Ssh(host.text.clone())),
    }
}

fn fill(table: &mut Table, host: &HostSpec, address: &str, port: Option<u16>) {
    let mut set = |key: &str, new: Option<toml_edit::Value>| match (new, table.get_mut(key)) {
        (None, _) => drop(table.remove(key)),
        (Some(new), Some(Item::Value(old))) => {
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
        }
        (Some(new), _) => drop(table.insert(key, value(new))),
    };
    set("address", Some(address.into()));
    set("port", port.map(|port| i64::from(port).into()));
    set("slots", Some(i64::from(host.slots).into()));
    let options: &[&str] = match host.protocol {
        ProtocolWish::Best => &[],
        ProtocolWish::Plain => &["plain"],
        ProtocolWish::Lzo => &["lzo"],
        ProtocolWish::Pump => &["cpp", "lzo"],
        ProtocolWish::Mirror => &["mirror"],
    };
    let words: toml_edit::Array = options.iter().copied().collect();
    set("options", (!options.is_empty()).then(|| words.into()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::list;
    use crate::setup::settings::Settings;

    fn with(text: &str, hosts: &str) -> Result<String, EditError> {
        edited(text, &list::parse(hosts).unwrap().hosts, DEFAULT_PORT)
    }

    #[test]
    fn volunteers_are_written_so_that_they_are_read_back() {
        let hosts = "localhost/9 192.168.10.2:3635/5 desk/4,cpp,lzo [fd00::7]/3";
        let text = with("", hosts).unwrap();
        let settings: Settings = toml::from_str(&text).unwrap();
        let specs: Vec<_> = settings.volunteers.iter().map(|one| one.host_spec()).collect();
        assert_eq!(specs.join(" "), hosts);
        assert_eq!(with(&text, hosts).unwrap(), text);
    }

    #[test]
    fn a_port_is_written_where_it_is_not_the_one_of_the_target() {
        let hosts = list::parse("localhost/2 10.0.0.2:3635/5 10.0.0.3/5").unwrap().hosts;
        let text = edited("", &hosts, 3635).unwrap();
        let settings: Settings = toml::from_str(&text).unwrap();
        let specs: Vec<_> = settings.volunteers.iter().map(|one| one.host_spec()).collect();
        assert_eq!(specs, ["localhost/2", "10.0.0.2/5", "10.0.0.3:3632/5"]);
        assert_eq!(edited(&text, &hosts, 3635).unwrap(), text);
    }

    #[test]
    fn all_else_stays_and_known_hosts_keep_their_names_and_comments() {
        let text = "# mine\nnative = 'warn' # for now\n\n[[volunteer]]\nname = 'desk' # under it\n\
                    address = '10.0.0.2'\nslots = 2\n\n[[volunteer]]\naddress = '10.0.0.9'\n";
        insta::assert_snapshot!(with(text, "10.0.0.3/8 10.0.0.2/6").unwrap(), @r#"
        # mine
        native = 'warn' # for now

        [[volunteer]]
        address = "10.0.0.3"
        slots = 8

        [[volunteer]]
        name = 'desk' # under it
        address = "10.0.0.2"
        slots = 6
        "#);
    }

    #[test]
    fn what_is_no_list_of_tables_and_what_has_no_word_is_refused() {
        assert!(matches!(with("volunteer = 3", "a"), Err(EditError::Malformed(_))));
        assert!(matches!(with("native = ", "a"), Err(EditError::Malformed(_))));
        assert_eq!(with("", "me@a"), Err(EditError::Ssh("me@a".to_owned())));
    }
}
