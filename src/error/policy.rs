//! One exhaustive table: every kind of error with its code, exit code, retry class, hint and the
//! long text of `tidegate explain`. Adding a kind forces the choice of all of them.

/// What a caller may do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Running it again without a change gives the same error.
    Never,
    /// Trying again later may succeed.
    Backoff,
    /// Running the same command again continues where this one stopped.
    Resume,
}

/// What the table says of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// `TG` and four digits; stable for ever.
    pub code: &'static str,
    /// Exit code of the process; the list is in `docs/guides/exit-codes.md`.
    pub exit: u8,
    /// Whether trying again can help.
    pub retry: Retry,
    /// A few words, for headings.
    pub title: &'static str,
    /// What to do, when the error itself has no better advice.
    pub hint: &'static str,
    /// A paragraph for `tidegate explain`.
    pub explanation: &'static str,
}

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A fault inside Tidegate.
    Internal,
    /// The run stopped before its end.
    Interrupted,
    /// Interrupted by the user.
    Cancelled,
    /// A file could not be read or written.
    Io,
    /// The command line is wrong.
    Usage,
    /// No configuration file.
    ConfigNotFound,
    /// A configuration file is not valid.
    ConfigSyntax,
    /// A configuration value is not acceptable.
    ConfigValue,
    /// No such environment.
    EnvironmentUnknown,
    /// A secret could not be read.
    SecretUnavailable,
    /// A change file is not valid.
    ChangeSyntax,
    /// An object is not in the database.
    UnknownObject,
    /// A change asks for something contradictory.
    ChangeValue,
    /// Two changes have one number.
    DuplicateChange,
    /// A release is not a version.
    ReleaseInvalid,
    /// Releases are out of order.
    ReleaseOrder,
    /// SQL that does not parse.
    SqlSyntax,
    /// A name PostgreSQL cannot hold.
    NameInvalid,
    /// A connection string is not valid.
    ConnectionString,
    /// An object exists already.
    ObjectExists,
    /// The database is out of reach.
    Unreachable,
    /// The server refused the login.
    AuthFailed,
    /// The connection broke.
    ConnectionLost,
    /// The server is too old.
    ServerTooOld,
    /// The server does not accept writes.
    ReadOnly,
    /// There is a connection pooler in between.
    Pooler,
    /// A privilege is missing.
    Privilege,
    /// TLS could not be set up.
    Tls,
    /// A production database over plain TCP.
    InsecureProduction,
    /// The server's disk is full.
    DiskFull,
    /// PostgreSQL refused a statement.
    Sql,
    /// A statement took longer than its limit.
    Timeout,
    /// No PostgreSQL server programs found.
    PostgresMissing,
    /// Installing needs consent.
    InstallConsent,
    /// PostgreSQL could not be installed.
    InstallFailed,
    /// The private server did not start.
    ServerStart,
    /// The private server does not run.
    ServerStopped,
    /// A lock was not acquired in time.
    LockTimeout,
    /// Another Tidegate run is under way.
    RunnerBusy,
    /// The plan no longer fits.
    PlanStale,
    /// The plan is for another database.
    TargetMismatch,
    /// A change was edited after it ran.
    ChangeEdited,
    /// A change that ran has no file.
    ChangeMissing,
    /// The database is not what the ledger says.
    Drift,
    /// The change cannot be done safely.
    Unsupported,
    /// The outcome of a step is not known.
    OutcomeUnknown,
    /// This cannot be rolled back.
    RollbackRefused,
    /// An approval is missing.
    ApprovalMissing,
    /// A gate is closed.
    GateClosed,
    /// A step failed.
    StepFailed,
    /// No such job.
    JobUnknown,
    /// The backfill is paused.
    JobPaused,
    /// Verification found differences.
    VerifyFailed,
    /// Too many rows could not be converted.
    QuarantineFull,
    /// Old and new column disagree after the backfill was done.
    BackfillConflict,
    /// Another worker took over the window.
    LeaseLost,
    /// The backfill was held back for too long.
    Throttled,
    /// The audit log was tampered with.
    AuditBroken,
    /// The demo did not end as it should.
    DemoFailed,
    /// A file of masking rules is not valid.
    MaskSyntax,
    /// A masking rule does not fit its column.
    MaskRule,
    /// The masking key is missing or weak.
    MaskKey,
    /// Columns without a masking rule.
    MaskUnclassified,
    /// A value cannot be masked.
    MaskValue,
    /// A copy that is not allowed.
    CopyRefused,
    /// The gate of a copy is closed.
    CopyGate,
    /// The source changed under a copy.
    CopySource,
    /// A program of PostgreSQL failed.
    CopyTool,
    /// Two databases differ.
    DataDiffers,
    /// A place for files is out of reach.
    Storage,
    /// A file would be overwritten.
    StorageExists,
    /// A store does not let a file be removed.
    StorageLocked,
    /// The key of sealed files is missing or wrong.
    SealKey,
    /// A sealed file is damaged.
    SealBroken,
    /// A seed spec says something that cannot be.
    SeedSpec,
    /// A table cannot be seeded as its schema and spec demand.
    SeedPlan,
    /// Seeding is not allowed there.
    SeedRefused,
    /// A row that satisfies its conditions was not found.
    SeedStuck,
    /// Rows of a run that has ended were changed since.
    SeedChanged,
    /// A profile holds a value of a person.
    SeedLeak,
    /// A backup that is not allowed.
    BackupRefused,
    /// A program that makes backups failed.
    BackupTool,
    /// There is no such backup.
    BackupMissing,
    /// A file of WAL would be replaced by another.
    WalConflict,
    /// WAL that a recovery needs is not there.
    WalMissing,
    /// A restore did not reach its end.
    RestoreFailed,
    /// A drill did not pass.
    DrillFailed,
    /// The history of drills was tampered with.
    DrillRecord,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: &'static [Self] = &[
        Self::Internal,
        Self::Interrupted,
        Self::Cancelled,
        Self::Io,
        Self::Usage,
        Self::ConfigNotFound,
        Self::ConfigSyntax,
        Self::ConfigValue,
        Self::EnvironmentUnknown,
        Self::SecretUnavailable,
        Self::ChangeSyntax,
        Self::UnknownObject,
        Self::ChangeValue,
        Self::DuplicateChange,
        Self::ReleaseInvalid,
        Self::ReleaseOrder,
        Self::SqlSyntax,
        Self::NameInvalid,
        Self::ConnectionString,
        Self::ObjectExists,
        Self::Unreachable,
        Self::AuthFailed,
        Self::ConnectionLost,
        Self::ServerTooOld,
        Self::ReadOnly,
        Self::Pooler,
        Self::Privilege,
        Self::Tls,
        Self::InsecureProduction,
        Self::DiskFull,
        Self::Sql,
        Self::Timeout,
        Self::PostgresMissing,
        Self::InstallConsent,
        Self::InstallFailed,
        Self::ServerStart,
        Self::ServerStopped,
        Self::LockTimeout,
        Self::RunnerBusy,
        Self::PlanStale,
        Self::TargetMismatch,
        Self::ChangeEdited,
        Self::ChangeMissing,
        Self::Drift,
        Self::Unsupported,
        Self::OutcomeUnknown,
        Self::RollbackRefused,
        Self::ApprovalMissing,
        Self::GateClosed,
        Self::StepFailed,
        Self::JobUnknown,
        Self::JobPaused,
        Self::VerifyFailed,
        Self::QuarantineFull,
        Self::LeaseLost,
        Self::Throttled,
        Self::BackfillConflict,
        Self::AuditBroken,
        Self::DemoFailed,
        Self::MaskSyntax,
        Self::MaskRule,
        Self::MaskKey,
        Self::MaskUnclassified,
        Self::MaskValue,
        Self::CopyRefused,
        Self::CopyGate,
        Self::CopySource,
        Self::CopyTool,
        Self::DataDiffers,
        Self::Storage,
        Self::StorageExists,
        Self::SealKey,
        Self::SealBroken,
        Self::StorageLocked,
        Self::SeedSpec,
        Self::SeedPlan,
        Self::SeedRefused,
        Self::SeedStuck,
        Self::SeedChanged,
        Self::SeedLeak,
        Self::BackupRefused,
        Self::BackupTool,
        Self::BackupMissing,
        Self::WalConflict,
        Self::WalMissing,
        Self::RestoreFailed,
        Self::DrillFailed,
        Self::DrillRecord,
    ];

    /// The kind with this code (`TG0412`, any case).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.policy().code.eq_ignore_ascii_case(code))
    }

    /// The row of the table for this kind.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table, one row a kind")]
    pub const fn policy(self) -> Policy {
        match self {
            Self::Internal => row(
                ("TG0001", 1, Retry::Never),
                "a fault inside Tidegate",
                "this is a bug: please report it with the output of the same command and -vv",
                "Tidegate met a state that its authors thought impossible. Nothing that was journaled as done is affected; running the command again is safe, because every step is idempotent.",
            ),
            Self::Interrupted => row(
                ("TG0002", 6, Retry::Resume),
                "the run stopped before its end",
                "run the same command again: it goes on where it stopped",
                "The run was stopped at a safe point (a signal, a pause, a lost lease). Every finished step and chunk is journaled, so the next run continues with the first unfinished one.",
            ),
            Self::Cancelled => row(
                ("TG0003", 130, Retry::Resume),
                "interrupted by the user",
                "run the same command again: it goes on where it stopped",
                "Ctrl-C was pressed. Tidegate finished or rolled back the statement under way and stopped. A second Ctrl-C ends at once; that is safe too, since the journal is written in the same transaction as the work.",
            ),
            Self::Io => row(
                ("TG0004", 1, Retry::Never),
                "a file could not be read or written",
                "check the path, its permissions and the free space",
                "An operation on the file system failed; the message names the path.",
            ),
            Self::Usage => row(
                ("TG0100", 2, Retry::Never),
                "the command line is wrong",
                "see --help",
                "The arguments contradict each other or name something that is not there.",
            ),
            Self::ConfigNotFound => row(
                ("TG0101", 2, Retry::Never),
                "no configuration file",
                "run `tidegate init`, or name a database with --database-url",
                "A command needs tidegate.toml, which was not found in this directory nor above it.",
            ),
            Self::ConfigSyntax => row(
                ("TG0102", 2, Retry::Never),
                "a configuration file is not valid",
                "correct the file at the place shown; `tidegate config schema` prints its JSON Schema",
                "The file is not valid TOML, or a key is unknown or of the wrong type.",
            ),
            Self::ConfigValue => row(
                ("TG0103", 2, Retry::Never),
                "a configuration value is not acceptable",
                "correct the value; `tidegate config show` tells where it comes from",
                "The value has the right type but a meaning that Tidegate cannot use.",
            ),
            Self::EnvironmentUnknown => row(
                ("TG0104", 2, Retry::Never),
                "no such environment",
                "`tidegate env list` prints the environments",
                "The environment is neither in tidegate.toml nor the built-in `local`.",
            ),
            Self::SecretUnavailable => row(
                ("TG0105", 2, Retry::Never),
                "a secret could not be read",
                "check the reference (env:, file:, command:) and run `tidegate env check`",
                "The provider that holds the secret did not give it. The secret itself is never printed.",
            ),
            Self::ChangeSyntax => row(
                ("TG0106", 2, Retry::Never),
                "a change file is not valid",
                "correct the file at the place shown; `tidegate migrate lint` checks all of them",
                "The change file is not valid TOML, or holds an unknown key or a value of the wrong type.",
            ),
            Self::UnknownObject => row(
                ("TG0107", 2, Retry::Never),
                "an object is not in the database",
                "check the name, and whether an earlier change creates it",
                "A change names a table, column, type or constraint that neither exists nor is created by an earlier change.",
            ),
            Self::ChangeValue => row(
                ("TG0108", 2, Retry::Never),
                "a change asks for something contradictory",
                "correct the change file",
                "The change is well formed, but its parts contradict each other, for example phases that are out of order.",
            ),
            Self::DuplicateChange => row(
                ("TG0109", 2, Retry::Never),
                "two changes have one number",
                "rename one of the files to the next free number",
                "The number in a change's file name is its identity in the ledger, so it must be unique.",
            ),
            Self::ReleaseInvalid => row(
                ("TG0110", 2, Retry::Never),
                "a release is not a version",
                "write it as MAJOR.MINOR.PATCH, for example 2.1.0",
                "Releases are semantic versions, so that their order is known.",
            ),
            Self::ReleaseOrder => row(
                ("TG0111", 2, Retry::Never),
                "releases are out of order",
                "expand must not come after enforce, nor enforce after contract",
                "The phases of a change run in the order expand, backfill, enforce, contract; their releases must not go back.",
            ),
            Self::SqlSyntax => row(
                ("TG0112", 2, Retry::Never),
                "SQL that does not parse",
                "correct the statement at the place shown",
                "The SQL text was refused by the parser or by PostgreSQL itself.",
            ),
            Self::NameInvalid => row(
                ("TG0113", 2, Retry::Never),
                "a name PostgreSQL cannot hold",
                "choose a name of 1 to 63 bytes",
                "PostgreSQL cuts names longer than 63 bytes without an error, which makes two objects collide; Tidegate refuses them.",
            ),
            Self::ConnectionString => row(
                ("TG0114", 2, Retry::Never),
                "a connection string is not valid",
                "write postgresql://user@host:5432/database?sslmode=verify-full or key=value pairs",
                "The text is neither a PostgreSQL URL nor a list of key=value pairs.",
            ),
            Self::ObjectExists => row(
                ("TG0115", 2, Retry::Never),
                "an object exists already",
                "choose another name, or remove the object if it is left over",
                "A change would create something whose name is taken.",
            ),
            Self::Unreachable => row(
                ("TG0201", 7, Retry::Backoff),
                "the database is out of reach",
                "check host, port and network, and that the server runs; `tidegate doctor` helps",
                "No connection could be made.",
            ),
            Self::AuthFailed => row(
                ("TG0202", 7, Retry::Never),
                "the server refused the login",
                "check user, password and pg_hba.conf",
                "The server answered, but refused the role, password or database.",
            ),
            Self::ConnectionLost => row(
                ("TG0203", 7, Retry::Resume),
                "the connection broke",
                "run the same command again: it goes on where it stopped",
                "The connection broke while work was under way. Transactions that had not committed are rolled back by the server; the journal tells the rest.",
            ),
            Self::ServerTooOld => row(
                ("TG0204", 2, Retry::Never),
                "the server is too old",
                "upgrade to PostgreSQL 14 or later",
                "Tidegate needs PostgreSQL 14: earlier servers lack TID range scans and pg_read_all_data.",
            ),
            Self::ReadOnly => row(
                ("TG0205", 4, Retry::Never),
                "the server does not accept writes",
                "connect to the primary: target_session_attrs=read-write picks it from several hosts",
                "The server is a standby, or default_transaction_read_only is on.",
            ),
            Self::Pooler => row(
                ("TG0206", 4, Retry::Never),
                "there is a connection pooler in between",
                "connect to PostgreSQL itself, not through PgBouncer or another pooler",
                "Behind a pooler, settings and session locks may reach the session of an application, so Tidegate's guarantees would not hold. Every connection asks for its settings in the startup parameter options, which poolers refuse or drop.",
            ),
            Self::Privilege => row(
                ("TG0207", 2, Retry::Never),
                "a privilege is missing",
                "grant what the message names; docs/guides/privileges.md lists all that Tidegate needs",
                "The role may not do what the step needs. Nothing was changed by the refused step.",
            ),
            Self::Tls => row(
                ("TG0208", 7, Retry::Never),
                "TLS could not be set up",
                "check sslmode, sslrootcert and the certificate's host name",
                "The server and Tidegate could not agree on an encrypted connection, or the certificate did not pass.",
            ),
            Self::InsecureProduction => row(
                ("TG0209", 4, Retry::Never),
                "a production database over plain TCP",
                "set sslmode=verify-full, or allow_plaintext = true in the environment when the network is trusted",
                "A production environment is only used over TLS or a Unix socket.",
            ),
            Self::DiskFull => row(
                ("TG0210", 7, Retry::Resume),
                "the server's disk is full",
                "free space on the server, then run the command again",
                "The server could not write. The statement was rolled back.",
            ),
            Self::Sql => row(
                ("TG0211", 1, Retry::Never),
                "PostgreSQL refused a statement",
                "read the server's message; the statement was rolled back",
                "The server reported an error that Tidegate has no better name for. The message carries its SQLSTATE.",
            ),
            Self::Timeout => row(
                ("TG0212", 8, Retry::Backoff),
                "a statement took longer than its limit",
                "raise the limit, or run it when the table is quieter",
                "A statement passed its timeout and was rolled back.",
            ),
            Self::PostgresMissing => row(
                ("TG0301", 2, Retry::Never),
                "no PostgreSQL server programs found",
                "run `tidegate server install --yes`, or set PG_BIN to the folder that holds postgres and initdb",
                "The private server needs the programs postgres and initdb of PostgreSQL 14 or later.",
            ),
            Self::InstallConsent => row(
                ("TG0302", 2, Retry::Never),
                "installing needs consent",
                "add --yes",
                "Tidegate does not install software unless it is told to.",
            ),
            Self::InstallFailed => row(
                ("TG0303", 1, Retry::Never),
                "PostgreSQL could not be installed",
                "install PostgreSQL 14 or later by hand and set PG_BIN",
                "Neither the system's packages nor the packaged binaries could be installed.",
            ),
            Self::ServerStart => row(
                ("TG0304", 1, Retry::Never),
                "the private server did not start",
                "read the log named in the message; `tidegate server reset --yes` makes a fresh one",
                "The server program ended or did not become ready in time.",
            ),
            Self::ServerStopped => row(
                ("TG0305", 7, Retry::Never),
                "the private server does not run",
                "run `tidegate server start`",
                "The command needs the private server, which does not run.",
            ),
            Self::LockTimeout => row(
                ("TG0401", 8, Retry::Backoff),
                "a lock was not acquired in time",
                "wait for the sessions named, or end them, then run the command again",
                "A statement waits for a table lock no longer than lock_timeout, so that it never makes the application queue behind it. All tries failed; the sessions that held the lock are named.",
            ),
            Self::RunnerBusy => row(
                ("TG0402", 8, Retry::Backoff),
                "another Tidegate run is under way",
                "wait for it to end, or pass --wait with a longer time",
                "Only one runner changes a database at a time. The other one is named.",
            ),
            Self::PlanStale => row(
                ("TG0403", 4, Retry::Never),
                "the plan no longer fits",
                "make a new plan and have it approved",
                "The database, the ledger or the change files are not what they were when the plan was made.",
            ),
            Self::TargetMismatch => row(
                ("TG0404", 4, Retry::Never),
                "the plan is for another database",
                "use the environment that the plan was made for",
                "A plan carries the identity of its target: the server's system identifier and the database. They do not match.",
            ),
            Self::ChangeEdited => row(
                ("TG0405", 3, Retry::Never),
                "a change was edited after it ran",
                "restore the file; make a new change for what you want to alter",
                "The operations of a change that has run are recorded with a checksum. The file now says something else.",
            ),
            Self::ChangeMissing => row(
                ("TG0406", 3, Retry::Never),
                "a change that ran has no file",
                "restore the file from version control",
                "The ledger knows a change whose file is gone.",
            ),
            Self::Drift => row(
                ("TG0407", 3, Retry::Never),
                "the database is not what the ledger says",
                "compare the objects named and repair them, or record the new state",
                "Something outside Tidegate changed an object that a change in flight depends on.",
            ),
            Self::Unsupported => row(
                ("TG0408", 4, Retry::Never),
                "the change cannot be done safely",
                "see the reason; write the change as plain SQL if you accept it",
                "Tidegate refuses at plan time what it could not carry through without losing something.",
            ),
            Self::OutcomeUnknown => row(
                ("TG0409", 6, Retry::Never),
                "the outcome of a step is not known",
                "look at the database, then say `tidegate migrate resolve ID --step N --as applied|not-applied`",
                "A step that cannot run inside a transaction was interrupted, and its effect cannot be recognized. Tidegate neither repeats nor skips it by itself.",
            ),
            Self::RollbackRefused => row(
                ("TG0410", 4, Retry::Never),
                "this cannot be rolled back",
                "restore from a backup, or write a new change that goes forward",
                "The change has contracted, or one of its steps has no undo.",
            ),
            Self::ApprovalMissing => row(
                ("TG0411", 4, Retry::Never),
                "an approval is missing",
                "tidegate approve request --plan HASH",
                "The policy of the environment asks for approvals bound to this plan's hash.",
            ),
            Self::GateClosed => row(
                ("TG0412", 4, Retry::Backoff),
                "a gate is closed",
                "see what would open it; --wait DURATION waits for it",
                "A phase runs only when evidence says that it is safe. Each gate prints its evidence and what would open it.",
            ),
            Self::StepFailed => row(
                ("TG0413", 1, Retry::Never),
                "a step failed",
                "mend the cause, then run the command again: it goes on with this step",
                "PostgreSQL refused a step of a plan. Steps before it are done and journaled; this one was rolled back.",
            ),
            Self::JobUnknown => row(
                ("TG0501", 2, Retry::Never),
                "no such job",
                "`tidegate backfill status` lists the jobs",
                "The ledger has no backfill job of that id.",
            ),
            Self::JobPaused => row(
                ("TG0502", 6, Retry::Resume),
                "the backfill is paused",
                "tidegate backfill resume ID",
                "Somebody paused the job. Its finished chunks are kept.",
            ),
            Self::VerifyFailed => row(
                ("TG0503", 3, Retry::Never),
                "verification found differences",
                "look at the rows named; `tidegate backfill run ID` fills what can be computed",
                "Some rows lack the value that the change's expression gives, or hold another one. Or a range of rows could not be verified: the expression fails on it, it is locked again and again, or it takes longer than the limit.",
            ),
            Self::QuarantineFull => row(
                ("TG0504", 3, Retry::Never),
                "too many rows could not be converted",
                "read tidegate.backfill_quarantine, repair the rows or the expression, then run again",
                "Rows whose conversion fails are set aside with their error. There were more of them than the limit.",
            ),
            Self::LeaseLost => row(
                ("TG0505", 6, Retry::Resume),
                "another worker took over the window",
                "run the same command again",
                "A worker was slow enough that its lease ran out. The other worker's result stands.",
            ),
            Self::Throttled => row(
                ("TG0506", 6, Retry::Resume),
                "the backfill was held back for too long",
                "see the reason named; raise the limit or run it at a quieter time",
                "A throttle signal stood at stop for longer than the limit.",
            ),
            Self::BackfillConflict => row(
                ("TG0507", 4, Retry::Never),
                "old and new column disagree after the backfill was done",
                "look at the rows named, then `tidegate backfill run ID --take old` or `--take new`",
                "Rows were written while the trigger that keeps both columns in step was off. Either value may be the later one, so none is overwritten until a person says which column is right: `--take old` computes the new column from the old one, `--take new` the old one from the new one.",
            ),
            Self::AuditBroken => row(
                ("TG0601", 3, Retry::Never),
                "the audit log was tampered with",
                "compare with an exported copy; treat it as an incident",
                "The hash chain of the audit log does not hold from the entry named on.",
            ),
            Self::DemoFailed => row(
                ("TG0701", 3, Retry::Never),
                "the demo did not end as it should",
                "see the check named; run again with --keep to look at the database",
                "One of the demo's checks failed; this is a bug in Tidegate or a machine in trouble.",
            ),
            Self::MaskSyntax => row(
                ("TG0801", 2, Retry::Never),
                "a file of masking rules is not valid",
                "mend the place named; `tidegate config schema` prints the format",
                "Files under `masking-rules/` are TOML with `version = 1`. Unknown keys are errors, so that a rule that is misspelt never passes for one that protects.",
            ),
            Self::MaskRule => row(
                ("TG0802", 2, Retry::Never),
                "a masking rule does not fit its column",
                "choose a mask that fits the type, or `null`, `constant` or an SQL expression",
                "Each mask works on certain types, and a unique column needs a mask whose range is large enough for its rows. This is proven before a row is read.",
            ),
            Self::MaskKey => row(
                ("TG0803", 2, Retry::Never),
                "the masking key is missing or weak",
                "make one with `openssl rand -hex 32` and keep it in a vault",
                "Masks are keyed: whoever lacks the key cannot try out inputs. A key has 256 bits; a short or patterned one is refused.",
            ),
            Self::MaskUnclassified => row(
                ("TG0804", 3, Retry::Never),
                "columns have no masking rule",
                "add a rule for each, or let `tidegate mask scan --write` draft them",
                "With `unclassified = \"deny\"` each column of each table needs a rule, so that a column added by a migration cannot slip into a copy.",
            ),
            Self::MaskValue => row(
                ("TG0805", 3, Retry::Never),
                "a value cannot be masked",
                "mend the value at its source, or choose another mask for the column",
                "The value breaks the format that its mask expects. It is named by its place, never printed.",
            ),
            Self::CopyRefused => row(
                ("TG0810", 4, Retry::Never),
                "this copy is not allowed",
                "see the reason named",
                "Production is never the target of a copy, personal data never crosses regions, and a target in use is never overwritten in place.",
            ),
            Self::CopyGate => row(
                ("TG0811", 3, Retry::Never),
                "the copy did not pass its gate",
                "look at the findings; the target in use was not touched",
                "Before a copy becomes reachable it is compared with its source and searched for values of the source. Something was found.",
            ),
            Self::CopySource => row(
                ("TG0812", 6, Retry::Backoff),
                "the source cannot be read at one instant",
                "run the same command again",
                "The snapshot of the source was lost, or its schema changed during the copy. Nothing reached the target in use.",
            ),
            Self::CopyTool => row(
                ("TG0813", 1, Retry::Never),
                "a program of PostgreSQL failed",
                "see what it said; `tidegate doctor` shows which programs are used",
                "The schema of a copy is carried by `pg_dump` and `pg_restore` of the server's major version or a later one.",
            ),
            Self::DataDiffers => row(
                ("TG0820", 3, Retry::Never),
                "the data differs",
                "look at the tables named",
                "`tidegate diff` compared both sides and found rows that are not equal.",
            ),
            Self::Storage => row(
                ("TG0830", 7, Retry::Backoff),
                "a place for files is out of reach",
                "check its address, its credentials and the network",
                "A folder or an object store did not do what was asked of it; the message says which and why.",
            ),
            Self::StorageExists => row(
                ("TG0831", 4, Retry::Never),
                "a file would be overwritten",
                "choose another name; what is there stays as it is",
                "Tidegate never overwrites what it has written to a store, so that no mistake can replace a good copy.",
            ),
            Self::SealKey => row(
                ("TG0832", 2, Retry::Never),
                "the key of sealed files is missing or wrong",
                "make one with `openssl rand -hex 32` and keep it in a vault; a file names the key that opens it",
                "Every file outside the database is encrypted with a key of 256 bits. The key is missing, weak, or not the one that sealed the file.",
            ),
            Self::SealBroken => row(
                ("TG0833", 3, Retry::Never),
                "a sealed file is damaged",
                "take another copy of the file; this one cannot be trusted",
                "A sealed file is authenticated frame by frame. A byte was changed, or a part is missing or out of order.",
            ),
            Self::StorageLocked => row(
                ("TG0834", 4, Retry::Never),
                "a store does not let a file be removed",
                "wait until its lock or its retention ends, or give the role the right to delete; keep backups at least as long as the lock lasts",
                "An object lock, a policy of immutability or a role without the right to delete keeps a file. Whatever was to go first is still there; what is refused is not half done.",
            ),
            Self::SeedSpec => row(
                ("TG0901", 2, Retry::Never),
                "the seed spec says something that cannot be",
                "correct the place that the message points at; see docs/guides/seeding.md",
                "A file in `seeds/` names a table, column, generator or number that does not exist or does not fit.",
            ),
            Self::SeedPlan => row(
                ("TG0902", 2, Retry::Never),
                "a table cannot be seeded as its schema and spec demand",
                "change the rows asked for, or say in `seeds/*.toml` what the column should hold",
                "The plan is proven before the first row: constraints that contradict each other, more unique rows than there are values, \
                 or a condition that is not understood, are named and nothing is written.",
            ),
            Self::SeedRefused => row(
                ("TG0903", 4, Retry::Never),
                "seeding is not allowed there",
                "choose an environment of the tier dev, or staging with --yes",
                "Synthetic data goes into databases that may be overwritten. Production never is one, whatever the flags say.",
            ),
            Self::SeedStuck => row(
                ("TG0904", 1, Retry::Never),
                "a row that satisfies its conditions was not found",
                "say in `seeds/*.toml` what the columns of the condition should hold",
                "Rows are drawn again until every CHECK is fulfilled, up to a bound. The run can be resumed after the spec was changed for \
                 tables that are not begun.",
            ),
            Self::SeedChanged => row(
                ("TG0905", 3, Retry::Never),
                "rows of a seeding that has ended were changed since",
                "`tidegate seed reset` brings a saved state back; empty the tables, or say --extend, to seed again",
                "The same request was carried out before. Its tables hold fewer or more rows than it left, or rows that other transactions \
                 wrote: that the database is as seeded cannot be said, and nothing is written over it.",
            ),
            Self::SeedLeak => row(
                ("TG0906", 3, Retry::Never),
                "a profile holds a value of the database",
                "look at the line named; a column that the classifier took for harmless gets a rule in masking-rules/*.toml, or raise --min-group",
                "A profile of `tidegate seed profile` is searched before it is written, and by `--check`: for every e-mail address, name, number \
                 and other identifying value of the database, and for told values that look like a person's. Nothing is written when one is found.",
            ),
            Self::BackupRefused => row(
                ("TG1001", 4, Retry::Never),
                "this backup is not allowed",
                "see the reason named; a repository belongs to one cluster in one region",
                "A repository holds the backups and the WAL of one cluster, whose system identifier is written in it, and its data stays in one region. A new cluster (after pg_upgrade or initdb) needs a new repository.",
            ),
            Self::BackupTool => row(
                ("TG1002", 1, Retry::Never),
                "a program that makes backups failed",
                "see what it said; nothing of this backup counts, earlier ones are untouched",
                "Base backups are made by `pg_basebackup` of the server's own major version, logical ones by `pg_dump` of that version or a later one. Without its manifest, which is written last, there is no backup.",
            ),
            Self::BackupMissing => row(
                ("TG1003", 3, Retry::Never),
                "there is no such backup",
                "`tidegate backup list` shows those there are; `tidegate backup create` makes one",
                "The repository holds no complete backup of that id, or none at all.",
            ),
            Self::WalConflict => row(
                ("TG1020", 3, Retry::Never),
                "a file of WAL would be replaced by another",
                "two servers write to one repository, or one was recovered and goes on under its old timeline; give each its own",
                "A segment of that name is in the repository already, and its content differs; or the segment is of another cluster than the repository. Nothing was written.",
            ),
            Self::WalMissing => row(
                ("TG1021", 3, Retry::Never),
                "WAL that a recovery needs is not there",
                "take a new base backup at once: what lies behind the hole cannot be reached from an older one",
                "The chain of WAL from the base backup to its end has a hole, or a file in it does not open. A server would take the hole for the end of the log and be promoted too early, so the recovery is stopped.",
            ),
            Self::RestoreFailed => row(
                ("TG1023", 3, Retry::Never),
                "a restore did not reach its end",
                "see what the server said",
                "The server that was to recover ended before it was promoted, did not reach the end of the WAL, or the restored files are not those of the backup. Of a logical backup: the server refused a statement, and everything was taken back.",
            ),
            Self::DrillFailed => row(
                ("TG1040", 3, Retry::Never),
                "a drill did not pass",
                "see the reasons, and what to do about each in docs/guides/recovery.md",
                "The recovery took longer or lost more than its objective allows, the data was not what the primary held, a check of the restored cluster failed, or damage that was done on purpose was not found.",
            ),
            Self::DrillRecord => row(
                ("TG1041", 3, Retry::Never),
                "the history of drills was tampered with",
                "find out who wrote to the repository; until then believe no drill recorded there",
                "Each drill is recorded with a signature and the hash of the record before it. One was changed, exchanged, put in between or taken out.",
            ),
        }
    }
}

const fn row(
    (code, exit, retry): (&'static str, u8, Retry),
    title: &'static str,
    hint: &'static str,
    explanation: &'static str,
) -> Policy {
    Policy {
        code,
        exit,
        retry,
        title,
        hint,
        explanation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ordered() {
        let codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.policy().code).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }

    #[test]
    fn every_kind_is_found_by_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.policy().code), Some(*kind));
        }
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        for kind in Kind::ALL {
            assert!(matches!(kind.policy().exit, 1..=8 | 130), "{kind:?}");
        }
    }
}
