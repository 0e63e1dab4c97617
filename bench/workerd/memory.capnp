# Objects whose storage is in memory: no disk in the way, workerd at its best.
# Run: workerd serve memory.capnp --socket-addr http=127.0.0.1:8790

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .mainWorker)],
  sockets = [(name = "http", address = "127.0.0.1:8790", http = (), service = "main")],
);

const mainWorker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-04-01",
  bindings = [(name = "ACCOUNT", durableObjectNamespace = "Account")],
  durableObjectNamespaces = [(className = "Account", uniqueKey = "dormouse-bench-account", enableSql = true)],
  durableObjectStorage = (inMemory = void),
);
