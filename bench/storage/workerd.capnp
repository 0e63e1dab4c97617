# The Worker of the storage scenarios on workerd: a SQLite file per object, on a real disk.
# Run: workerd serve workerd.capnp --socket-addr http=127.0.0.1:8790 --directory-path objects=FOLDER

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .mainWorker),
    (name = "objects", disk = (writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8790", http = (), service = "main")],
);

const mainWorker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-04-01",
  bindings = [(name = "ACCOUNT", durableObjectNamespace = "Account")],
  durableObjectNamespaces = [(className = "Account", uniqueKey = "dormouse-bench-storage", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),
);
