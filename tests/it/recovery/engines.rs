//! What holds for every engine: the same commands, the same promises, the same tests. Where an
//! engine's program is not installed, or does not know the server's version, its tests say so and do
//! nothing.

/// Makes one test of each function for each engine.
macro_rules! every_engine {
    ($($name:ident),+ $(,)?) => {
        every_engine!(native Native $($name)+);
        every_engine!(pgbackrest PgBackRest $($name)+);
        every_engine!(barman Barman $($name)+);
    };
    ($module:ident $engine:ident $($name:ident)+) => {
        mod $module {
            use crate::recovery::engines::source::Engine;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if Engine::$engine.possible().await {
                        super::$name(Engine::$engine).await;
                    }
                }
            )+
        }
    };
}

mod beside;
mod damage;
mod drills;
mod expiry;
mod killed;
mod moments;
mod refused;
mod rescues;
pub(super) mod source;
pub(super) mod tablespaces;
mod timelines;
