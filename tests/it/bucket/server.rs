//! A server that speaks S3, in this process: `s3s-fs` keeps the objects in a folder.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio_util::task::AbortOnDropHandle;

/// Who may use it.
pub(crate) const ACCESS_KEY: &str = "nobody";
/// How that is proven.
pub(crate) const SECRET_KEY: &str = "nothing";

/// The server with its bucket `backups`; it ends with the value.
pub(crate) struct Bucket {
    pub(crate) port: u16,
    _root: tempfile::TempDir,
    _serving: AbortOnDropHandle<()>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("backups")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let mut http = Builder::new(TokioExecutor::new());
                    // A connection a request, so that a fault hits one request alone.
                    http.http1().keep_alive(false);
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self {
            port,
            _root: root,
            _serving: AbortOnDropHandle::new(serving),
        }
    }
}
