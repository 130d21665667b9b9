//! Attempts in a process of their own, which is this program once more. What servers send is read there: a library that gives
//! up on it, or takes all memory for it, ends that process and not the operator.
//!
//! The process is started for the first attempt and ends when there was none for a while. Attempts are lines of JSON on
//! its standard input, outcomes lines on its standard output, in any order. Where it ends early, each attempt under way is
//! made once more in a process for it alone, one after another, so that no server answers for another.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::{Attempts, Client, ConnectTo, Outcome, Target, Unanswered};
use crate::apart::{ENVIRONMENT, limit_memory};

/// How long the process waits for another attempt.
const IDLE: Duration = Duration::from_mins(1);

/// Well beyond the 15 s in which an attempt ends by itself.
const LAST_RESORT: Duration = Duration::from_secs(30);

/// Bytes of writable memory for a process: for two of the answers that take most, …
const MEMORY: u64 = 96 << 20;
/// … and for each attempt, with the thread that looks up the server's name.
const MEMORY_EACH: u64 = 1 << 20;
/// Bytes of such a thread's stack.
const STACK: usize = 512 << 10;

/// What stands on a line of the input.
#[derive(Serialize, Deserialize)]
struct Question {
    id: u64,
    target: Target,
}

/// What stands on a line of the output.
#[derive(Serialize, Deserialize)]
struct Reply {
    id: u64,
    outcome: Outcome,
}

/// Makes attempts in processes of their own.
#[derive(Debug)]
pub struct Apart {
    program: PathBuf,
    connect_to: Vec<ConnectTo>,
    memory: u64,
    shared: Mutex<Option<Process>>,
    /// Held by the one attempt that has a process for it alone.
    alone: tokio::sync::Mutex<()>,
}

impl Apart {
    /// `program` is one whose command `handshakes` calls [`serve`]. No more than `most` attempts should be under way at a
    /// time. Nothing is started yet.
    pub fn new(program: PathBuf, connect_to: Vec<ConnectTo>, most: u16) -> Self {
        let memory = MEMORY + u64::from(most) * MEMORY_EACH;
        Self { memory, program, connect_to, shared: Mutex::default(), alone: tokio::sync::Mutex::default() }
    }

    async fn ask(&self, target: &Target) -> io::Result<Outcome> {
        let shared = self.shared()?;
        if let Ok(outcome) = shared.ask(target).await {
            return Ok(outcome);
        }
        self.forget(&shared);
        let _alone = self.alone.lock().await;
        let alone = self.start()?.ask(target).await;
        Ok(alone.unwrap_or_else(|failure| {
            tracing::warn!(target.url, "A server ended the process that asked it for a handshake");
            Err(failure)
        }))
    }

    fn start(&self) -> io::Result<Process> {
        let mut command = Command::new(&self.program);
        command.envs(ENVIRONMENT).args(["handshakes", "--memory", &self.memory.to_string()]);
        Process::start(command.args(self.connect_to.iter().map(ToString::to_string)))
    }

    fn shared(&self) -> io::Result<Process> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shared {
            Some(process) if !process.0.is_closed() => Ok(process.clone()),
            _ => Ok(shared.insert(self.start()?).clone()),
        }
    }

    /// Asks this process nothing more. It ends when the last attempt that it was asked for has.
    fn forget(&self, process: &Process) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.take_if(|other| other.0.same_channel(&process.0));
    }
}

impl Attempts for Apart {
    fn attempt<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Outcome> {
        let asked = self.ask(target).map(|outcome| {
            outcome.unwrap_or_else(|error| {
                tracing::error!(%error, "No process for handshakes could be started");
                Err(Unanswered::not_asked())
            })
        });
        asked.boxed()
    }
}

/// A running process; it ends when nobody holds this any more.
#[derive(Clone, Debug)]
struct Process(mpsc::UnboundedSender<(Target, oneshot::Sender<Outcome>)>);

impl Process {
    fn start(command: &mut Command) -> io::Result<Self> {
        // A group of its own: Ctrl-C in a terminal is for the operator, which lets attempts end.
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        let child = command.spawn()?;
        let (ask, asked) = mpsc::unbounded_channel();
        tokio::spawn(async {
            if let Err(error) = converse(child, asked).await {
                tracing::debug!(%error, "The process for handshakes has ended");
            }
        });
        Ok(Self(ask))
    }

    /// The outcome, or what to say of a server with which the process ended or hung.
    async fn ask(&self, target: &Target) -> Result<Outcome, Unanswered> {
        let (answer, answered) = oneshot::channel();
        // When this fails, so does the next line.
        let _ = self.0.send((target.clone(), answer));
        match timeout(LAST_RESORT, answered).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_ended)) => Err(Unanswered::unreadable()),
            Err(_) => Err(Unanswered::timed_out(LAST_RESORT)),
        }
    }
}

/// Passes questions to the process and answers back, until one side ends or nothing is asked.
async fn converse(
    mut child: Child,
    mut asked: mpsc::UnboundedReceiver<(Target, oneshot::Sender<Outcome>)>,
) -> io::Result<()> {
    let mut questions = child.stdin.take().expect("it is piped");
    let mut replies = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut waiting = HashMap::new();
    for id in 0.. {
        let (target, answer) = loop {
            tokio::select! {
                next = asked.recv() => match next {
                    Some(question) => break question,
                    None => return Ok(()),
                },
                line = replies.next_line() => {
                    let Some(line) = line? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
                    let Reply { id, outcome } = serde_json::from_str(&line)?;
                    let answer: Option<oneshot::Sender<Outcome>> = waiting.remove(&id);
                    // Who asked may be gone.
                    let _ = answer.map(|answer| answer.send(outcome));
                }
                () = sleep(IDLE), if waiting.is_empty() => return Ok(()),
            }
        };
        waiting.insert(id, answer);
        write(&mut questions, &Question { id, target }).await?;
    }
    Ok(())
}

async fn write(to: &mut (impl AsyncWrite + Unpin), line: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// What the process does: attempts that it reads from the standard input, until that ends. A panic anywhere ends it, and so
/// does more than `memory` bytes of writable memory.
pub fn serve(connect_to: Vec<ConnectTo>, memory: u64) -> anyhow::Result<()> {
    limit_memory(memory)?;
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::abort();
    }));
    // Names are resolved in threads, one for each attempt at most.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().thread_stack_size(STACK).build()?;
    let ended = runtime.block_on(answer_all(Arc::new(Client::new(connect_to))));
    runtime.shutdown_background();
    Ok(ended?)
}

async fn answer_all(client: Arc<Client>) -> io::Result<()> {
    let mut questions = BufReader::new(tokio::io::stdin()).lines();
    let mut output = tokio::io::stdout();
    let (reply, mut replies) = mpsc::unbounded_channel();
    loop {
        tokio::select! {
            line = questions.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let Question { id, target } = serde_json::from_str(&line)?;
                let (client, reply) = (Arc::clone(&client), reply.clone());
                tokio::spawn(async move {
                    let outcome = client.attempt(&target).await;
                    reply.send(Reply { id, outcome })
                });
            }
            Some(reply) = replies.recv() => write(&mut output, &reply).await?,
        }
    }
}
