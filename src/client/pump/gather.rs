//! The files that a unit's compile may open, as packets for a volunteer: from our agent, or from
//! the include server that the build has.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::env::Var;
use crate::client::call::Call;
use crate::client::pump::server;
use crate::client::pump::session::{self, Environment};
use crate::compiler::pump::{Obstacle, header_options};
use crate::compiler::target::SentNames;
use crate::compiler::unit::TranslationUnit;
use crate::net::agent::{self, AgentError, Gathered};
use crate::protocol::agent::{Form, Question, SystemHeader};

/// A unit's files, ready to be sent.
#[derive(Debug)]
pub struct Files {
    /// How many there are.
    pub count: u32,
    /// Headers that a stock volunteer has to have as we do; `None` where nobody knows them.
    pub of_system: Option<OfSystem>,
    /// The current directory as the volunteer is told it.
    pub cwd: PathBuf,
    packets: Packets,
}

/// What a stock volunteer takes from its own directories.
#[derive(Debug)]
pub struct OfSystem {
    /// Headers that it must have.
    pub present: Vec<SystemHeader>,
    /// Headers that it must not have.
    pub absent: Vec<Vec<u8>>,
}

#[derive(Debug)]
enum Packets {
    /// In the agent's memory.
    Shared(Box<Gathered>),
    /// One for each file.
    Own(Vec<Vec<u8>>),
}

impl Files {
    /// How many slices there are.
    pub fn most_slices(&self) -> usize {
        match &self.packets {
            Packets::Shared(gathered) => gathered.packets().len(),
            Packets::Own(packets) => packets.len(),
        }
    }

    /// The packets, one slice after the other.
    pub fn slices(&self) -> Box<dyn Iterator<Item = &[u8]> + '_> {
        match &self.packets {
            Packets::Shared(gathered) => Box::new(gathered.packets()),
            Packets::Own(packets) => Box::new(packets.iter().map(Vec::as_slice)),
        }
    }
}

/// The unit's files in the form for a kind of volunteer.
///
/// # Errors
///
/// Nobody can tell which they are, or the one to ask is not well.
pub fn files(
    call: &Call,
    unit: &TranslationUnit,
    form: Form,
    environment: &Environment,
    names: &SentNames,
) -> Result<Files, Obstacle> {
    // A volunteer gets options for these variables, and the agent is asked about the same command.
    let options = header_options(unit.language, &environment.headers);
    let directory = session::directory(call, unit, form)?;
    let question = Question {
        form,
        cwd: call.cwd.as_os_str().as_bytes().to_vec(),
        environment: variables(call, &directory, environment),
        argv: call.argv.iter().chain(&options).map(|word| word.as_bytes().to_vec()).collect(),
    };
    match agent::ask(&question) {
        Ok(mut gathered) => {
            let tree = &mut gathered.tree;
            let of_system = OfSystem {
                present: std::mem::take(&mut tree.system),
                absent: std::mem::take(&mut tree.absent),
            };
            let of_system = (form == Form::Stock).then_some(of_system);
            let count = tree.count;
            let packets = Packets::Shared(Box::new(gathered));
            Ok(Files { count, of_system, cwd: directory, packets })
        }
        Err(AgentError::Foreign(socket)) => of_server(&socket, call, unit, names),
        Err(error) => Err(obstacle(&error)),
    }
}

/// The same from an include server of distcc's, which knows no forms.
fn of_server(
    socket: &Path,
    call: &Call,
    unit: &TranslationUnit,
    names: &SentNames,
) -> Result<Files, Obstacle> {
    let mut argv = vec![names.full.clone()];
    argv.extend(unit.words.iter().flat_map(|word| word.written().cloned()));
    if !unit.output_given {
        argv.extend(["-o".into(), unit.output.clone()]);
    }
    let argv: Vec<&[u8]> = argv.iter().map(|word| word.as_bytes()).collect();
    let cwd = session::directory(call, unit, Form::Stock)?;
    let listed = agent::ask_files(socket, cwd.as_os_str().as_bytes(), &argv)
        .map_err(|error| obstacle(&error))?;
    let packets = server::packets(&listed)
        .map_err(|text| Obstacle::new("pump-agent", format!("the include server: {text}")))?;
    let count = u32::try_from(packets.len()).unwrap_or(u32::MAX);
    Ok(Files { count, of_system: None, cwd, packets: Packets::Own(packets) })
}

fn obstacle(error: &AgentError) -> Obstacle {
    match error {
        AgentError::CannotTell(why) => Obstacle::new("pump-cannot-tell", why.as_str()),
        AgentError::Unwanted => Obstacle::new("pump-unwanted", error.to_string()),
        error => Obstacle::new("pump-agent", format!("the agent: {error}")),
    }
}

/// `NAME=VALUE` of what the compiler heeds, where the volunteer is told this `directory`.
fn variables(call: &Call, directory: &Path, environment: &Environment) -> Vec<Vec<u8>> {
    let pair = |name: &'static str| {
        let value = match name {
            "PATH" => call.path.clone(),
            "PWD" => directory.into(),
            name => Var(name).get()?,
        };
        Some([name.as_bytes(), b"=", value.as_bytes()].concat())
    };
    let is_option = |name: &str| environment.headers.iter().any(|(other, _)| *other == name);
    agent::HEEDED.into_iter().filter(|name| !is_option(name)).filter_map(pair).collect()
}
