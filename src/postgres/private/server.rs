//! The private server: start, stop, status, reset.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use super::binaries::Binaries;
use super::cluster::{self, Recipe};
use super::discover::{Search, discover};
use super::identity::Identity;
use super::install::install;
use super::layout::{self, Layout, SOCKET_NAME};
use super::postmaster::{self, PidFile, Postmaster};
use super::running::{Running, Status};
use super::state::State;
use super::{database, disaster, folder, lock, log, settings};
use crate::config::vars;
use crate::error::{Error, Kind, Result};

/// How long a server may take to become ready; crash recovery is part of it.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long sessions may take to end in a fast stop.
const FAST_PATIENCE: Duration = Duration::from_secs(30);
/// How long an immediate stop may take; PostgreSQL itself kills its children after 5 s.
const IMMEDIATE_PATIENCE: Duration = Duration::from_secs(10);

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The programs [default: the first that [`discover`] finds, of the cluster's version].
    pub binaries: Option<Binaries>,
    /// Major version for a new cluster, and what an existing one must have.
    pub pg_version: Option<u32>,
    /// Look for the programs in this folder only.
    pub bin: Option<PathBuf>,
    /// Install the programs when they are missing: the user's consent.
    pub install: bool,
    /// Settings of `postgresql.conf` besides the defaults. They take effect when this very call
    /// starts the server; one that runs already keeps its own.
    pub settings: Vec<(String, String)>,
    /// Size of a WAL segment of a new cluster in MB: 1, 2, 4, 8 or 16 [default: 16].
    pub wal_segsize: Option<u32>,
    /// How long it may take to become ready [default: 60 s]; a recovery from an archive takes longer.
    pub patience: Option<Duration>,
    /// Whether the folder of a server that goes away stays, without what is in it: it was there
    /// before. For [`super::Ephemeral::start_in`] alone.
    pub folder_stays: bool,
    /// Tidegate's own folder, for kept clusters and installed programs [default:
    /// [`vars::tidegate_home`]].
    pub home: Option<PathBuf>,
}

/// A private PostgreSQL server in a folder of its own. The value holds nothing open; any number
/// of processes may use one folder.
#[derive(Debug, Clone)]
pub struct PrivateServer {
    layout: Layout,
    lasting: bool,
    /// As [`Options::folder_stays`].
    pub(super) folder_stays: bool,
}

impl PrivateServer {
    /// The server of the environment `local`, in `server` of [`vars::tidegate_home`].
    ///
    /// # Errors
    /// There is no home directory, or its folder cannot be made.
    pub fn local() -> Result<Self> {
        let home = vars::tidegate_home().ok_or_else(|| {
            Error::new(
                Kind::ConfigValue,
                "no home directory for the private server",
            )
            .hint("set TIDEGATE_HOME to a folder of your own")
        })?;
        Self::open(&home.join("server"))
    }

    /// The server in `dir`, which is made when it is missing.
    ///
    /// # Errors
    /// The folder cannot be made, is somebody else's, or has too long a path for a socket.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::at(dir, true)
    }

    pub(super) fn at(dir: &Path, lasting: bool) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        if let Some(parent) = dir.parent() {
            folder::make_ours(parent)?;
        }
        folder::make_own(&dir)?;
        let dir = dir
            .canonicalize()
            .map_err(|error| folder::at(&dir, error))?;
        let layout = Layout::new(&dir);
        layout.check()?;
        Ok(Self {
            layout,
            lasting,
            folder_stays: false,
        })
    }

    /// The connection string for `database`, whether the server runs or not.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let socket = PidFile::read(&self.layout.data).map(|file| file.socket);
        let socket = socket.filter(|socket| socket.is_absolute());
        database::url(socket.as_deref().unwrap_or(&self.layout.socket), database)
    }

    /// Starts the server, making its cluster on the first start; one that runs already is
    /// returned as it is. Callers that start it at once all get it.
    ///
    /// # Errors
    /// [`Kind::PostgresMissing`] without programs, [`Kind::ServerStart`] with the end of the log.
    pub async fn start(&self, options: &Options) -> Result<Running> {
        let _lock = lock::acquire(&self.layout.lock).await?;
        if let Some(running) = self.join(options).await? {
            return Ok(running);
        }
        self.launch(options).await
    }

    /// Stops the server: fast, and at once when sessions do not end within 30 s. False when it
    /// did not run.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub async fn stop(&self) -> Result<bool> {
        let _lock = lock::acquire(&self.layout.lock).await?;
        self.halt(&[
            (Signal::INT, FAST_PATIENCE),
            (Signal::QUIT, IMMEDIATE_PATIENCE),
            (Signal::KILL, IMMEDIATE_PATIENCE),
        ])
        .await
    }

    /// What is known of the server, without starting it.
    ///
    /// # Errors
    /// The cluster belongs to somebody else.
    pub fn status(&self) -> Result<Status> {
        let live = self.live()?;
        let state = State::read(&self.layout.state);
        let major = cluster::major(&self.layout.data);
        let socket = live.as_ref().map(|(_, file)| file.socket.clone());
        Ok(Status {
            running: live.as_ref().is_some_and(|(_, file)| file.ready),
            pid: live.map(|(_, file)| file.pid),
            version: major.map(|major| {
                state
                    .filter(|state| state.binaries.version.major == major)
                    .map_or_else(
                        || major.to_string(),
                        |state| state.binaries.version.to_string(),
                    )
            }),
            dir: self.layout.dir.clone(),
            data: major.map(|_| self.layout.data.clone()),
            socket: socket.unwrap_or_else(|| self.layout.socket.clone()),
            log: self.layout.log.clone(),
        })
    }

    /// Stops the server, removes its cluster with all databases, and starts a fresh one.
    ///
    /// # Errors
    /// As [`Self::start`]; nothing is removed when the programs are missing.
    pub async fn reset(&self, options: &Options) -> Result<Running> {
        let _lock = lock::acquire(&self.layout.lock).await?;
        let mut options = options.clone();
        if options.binaries.is_none() {
            options.binaries = Some(self.binaries(&options, options.pg_version).await?);
        }
        self.halt(&[
            (Signal::QUIT, IMMEDIATE_PATIENCE),
            (Signal::KILL, IMMEDIATE_PATIENCE),
        ])
        .await?;
        folder::remove(&self.layout.data)?;
        folder::remove(&self.layout.log)?;
        self.launch(&options).await
    }

    /// Stops the server at once and removes all of it, from a place that cannot await.
    pub(super) fn destroy(&self) {
        if let Ok(Some((server, _))) = self.live() {
            server.signal(Signal::QUIT);
            if !server.gone_blocking(IMMEDIATE_PATIENCE) {
                server.signal(Signal::KILL);
                server.gone_blocking(IMMEDIATE_PATIENCE);
            }
        }
        let dir = match self.folder_stays {
            true => folder::clear(&self.layout.dir),
            false => folder::remove(&self.layout.dir),
        };
        for removed in [folder::remove(&self.layout.socket), dir] {
            if let Err(error) = removed {
                tracing::warn!(%error, "a temporary server was not removed");
            }
        }
    }

    /// Kills all its processes with SIGKILL; the data stays until it is removed.
    pub(super) async fn kill(&self) -> Result<()> {
        let Some((server, _)) = self.live()? else {
            return Err(self.failed("does not run"));
        };
        disaster::kill_all(server.pid());
        if server.gone(IMMEDIATE_PATIENCE).await {
            return Ok(());
        }
        Err(self.failed("outlived SIGKILL"))
    }

    /// Removes its cluster.
    pub(super) fn remove_data(&self) -> Result<()> {
        folder::remove(&self.layout.data)
    }

    fn live(&self) -> Result<Option<(Postmaster, PidFile)>> {
        let identity = Identity::of_cluster(&self.layout.data)?;
        Ok(Postmaster::find(&self.layout.data, identity.uid))
    }

    /// The server that runs already, as soon as it is ready.
    async fn join(&self, options: &Options) -> Result<Option<Running>> {
        let wait = async {
            while let Some((_, file)) = self.live()? {
                if file.ready {
                    return Ok(Some(file));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok::<_, Error>(None)
        };
        let file = tokio::time::timeout(START_PATIENCE, wait)
            .await
            .unwrap_or_else(|_| Err(self.failed("did not become ready in time")))?;
        let Some(file) = file else {
            return Ok(None);
        };
        self.check_version(options)?;
        let binaries = match State::read(&self.layout.state) {
            Some(state) => state.binaries,
            None => {
                self.binaries(options, cluster::major(&self.layout.data))
                    .await?
            }
        };
        Ok(Some(Running {
            pid: file.pid,
            binaries,
            data: self.layout.data.clone(),
            socket: file.socket,
            was_running: true,
        }))
    }

    fn check_version(&self, options: &Options) -> Result<()> {
        match (options.pg_version, cluster::major(&self.layout.data)) {
            (Some(wanted), Some(major)) if wanted != major => Err(Error::new(
                Kind::ServerStart,
                format!(
                    "the private server in {} holds data of PostgreSQL {major}, not {wanted}",
                    self.layout.dir.display()
                ),
            )
            .hint(format!(
                "`tidegate server reset --pg-version {wanted} --yes` throws the data away"
            ))),
            _ => Ok(()),
        }
    }

    async fn binaries(&self, options: &Options, major: Option<u32>) -> Result<Binaries> {
        let search = Search {
            bin: options.bin.clone(),
            major,
            home: options.home.clone(),
        };
        let found = match &options.binaries {
            Some(binaries) => binaries.clone(),
            None if options.install => install(&search, true).await?.binaries,
            None => discover(&search).await?,
        };
        match major {
            Some(major) if found.version.major != major => Err(Error::new(
                Kind::ServerStart,
                format!(
                    "{} is PostgreSQL {}, but {major} is needed",
                    found.dir.display(),
                    found.version
                ),
            )),
            _ => Ok(found),
        }
    }

    async fn launch(&self, options: &Options) -> Result<Running> {
        self.check_version(options)?;
        let major = cluster::major(&self.layout.data);
        let binaries = self.binaries(options, major.or(options.pg_version)).await?;
        let identity = Identity::of_cluster(&self.layout.data)?;
        if !identity.may_reach(&self.layout.dir) {
            return Err(Error::new(
                Kind::ServerStart,
                format!("user {identity}, who runs the server, cannot reach {}", self.layout.dir.display()),
            )
            .hint("root: set TIDEGATE_HOME to a folder that others can pass through, such as /var/lib/tidegate"));
        }
        // Checked before the cluster is made, so that a typing error costs nothing.
        let text = settings::render(&self.layout, self.lasting, &options.settings)?;
        if major.is_none() {
            self.recipe(options, &binaries, identity)?
                .make(&self.layout)
                .await?;
        }
        layout::prepare_short(&self.layout)?;
        folder::make_private(&self.layout.socket, &identity)?;
        folder::make_private(&self.layout.log, &identity)?;
        folder::write(&self.layout.config, &text, &identity)?;
        folder::write(&self.layout.hba, settings::HBA, &identity)?;
        let patience = options.patience.unwrap_or(START_PATIENCE);
        let pid = self.spawn(&binaries, &identity, patience).await?;
        let state = State { binaries };
        state.write(&self.layout.state, &identity)?;
        Ok(Running {
            pid,
            binaries: state.binaries,
            data: self.layout.data.clone(),
            socket: self.layout.socket.clone(),
            was_running: false,
        })
    }

    fn recipe<'a>(
        &self,
        options: &Options,
        binaries: &'a Binaries,
        identity: Identity,
    ) -> Result<Recipe<'a>> {
        let wal_segsize = options.wal_segsize.unwrap_or(16);
        if !matches!(wal_segsize, 1 | 2 | 4 | 8 | 16) {
            return Err(Error::new(
                Kind::ConfigValue,
                format!("a WAL segment of {wal_segsize} MB is not possible here"),
            )
            .hint("1, 2, 4, 8 or 16"));
        }
        let home = options.home.clone().or_else(vars::tidegate_home);
        Ok(Recipe {
            binaries,
            identity,
            wal_segsize,
            cache: home.map(|home| home.join("cache/initdb")),
            lasting: self.lasting,
        })
    }

    async fn spawn(
        &self,
        binaries: &Binaries,
        identity: &Identity,
        patience: Duration,
    ) -> Result<i32> {
        let mut left = 40;
        loop {
            self.clear_stale();
            match self.try_spawn(binaries, identity, patience).await {
                // Back ends of a server that was killed end a moment after it, or are told to.
                Err(error) if left > 0 && still_attached(&error) => {
                    left -= 1;
                    postmaster::end_orphans(&self.layout.title(), identity.uid);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                result => return result,
            }
        }
    }

    async fn try_spawn(
        &self,
        binaries: &Binaries,
        identity: &Identity,
        patience: Duration,
    ) -> Result<i32> {
        let output = log::create(&self.layout)?;
        let mut command = tokio::process::Command::new(binaries.dir.join("postgres"));
        command.arg("-D").arg(&self.layout.data).arg("-c").arg({
            let mut setting = std::ffi::OsString::from("config_file=");
            setting.push(&self.layout.config);
            setting
        });
        identity.prepare(&mut command, &self.layout.data);
        command.envs(binaries.environment());
        let mut child = command
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(output))
            .spawn()
            .map_err(|error| self.failed(&format!("did not run: {error}")))?;
        let wait = async {
            loop {
                if let Some(status) = child.try_wait()? {
                    return Err(self.failed(&format!("ended before it was ready: {status}")));
                }
                match (PidFile::read(&self.layout.data), child.id()) {
                    (Some(file), Some(id))
                        if file.ready && i64::from(file.pid) == i64::from(id) =>
                    {
                        return Ok(file.pid);
                    }
                    _ => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        };
        let started = tokio::time::timeout(patience, wait).await;
        started.unwrap_or_else(|_| {
            Err(self.failed("did not become ready in time; it may still be recovering"))
        })
    }

    /// Removes lock files whose number now is another process's, or that of a dead one nobody
    /// reaped: PostgreSQL would respect them. In all other cases it decides itself, with the
    /// shared memory named there; back ends that still run are found by it in any case.
    fn clear_stale(&self) {
        let files = [
            self.layout.data.join("postmaster.pid"),
            self.layout.socket.join(format!("{SOCKET_NAME}.lock")),
        ];
        if self.live().is_ok_and(|live| live.is_none()) {
            for path in files {
                let stale = PidFile::read_file(&path);
                if stale.is_some_and(|file| postmaster::number_taken(file.pid)) {
                    let _ = std::fs::remove_file(path);
                }
            }
        }
    }

    async fn halt(&self, steps: &[(Signal, Duration)]) -> Result<bool> {
        let Some((server, _)) = self.live()? else {
            let identity = Identity::of_cluster(&self.layout.data)?;
            postmaster::end_orphans(&self.layout.title(), identity.uid);
            return Ok(false);
        };
        for (signal, patience) in steps {
            server.signal(*signal);
            if server.gone(*patience).await {
                return Ok(true);
            }
            tracing::warn!("the private server takes long to stop; trying harder");
        }
        Err(self.failed("could not be stopped"))
    }

    /// An error with the end of the log.
    fn failed(&self, what: &str) -> Error {
        let error = Error::new(
            Kind::ServerStart,
            format!("the private server in {} {what}", self.layout.dir.display()),
        );
        log::tail(&self.layout)
            .into_iter()
            .fold(error, Error::detail)
    }
}

fn still_attached(error: &Error) -> bool {
    error
        .details()
        .iter()
        .any(|line| line.contains("pre-existing shared memory block"))
}
