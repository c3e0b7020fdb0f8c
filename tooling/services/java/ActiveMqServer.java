import java.io.File;
import java.io.IOException;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.store.PersistenceAdapter;
import org.apache.activemq.store.jdbc.DefaultDatabaseLocker;
import org.apache.activemq.store.jdbc.JDBCPersistenceAdapter;
import org.apache.activemq.store.jdbc.LeaseDatabaseLocker;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;
import org.apache.activemq.usage.SystemUsage;
import org.apache.activemq.util.LeaseLockerIOExceptionHandler;
import org.apache.commons.dbcp2.BasicDataSource;

/**
 * An ActiveMQ broker. Arguments: name; store, which is "memory", "kahadb" with synced writes, or a
 * JDBC URI followed by ",row" or ",lease" for its locker; directory for its files, or "-" on memory;
 * milliseconds between looks at the lock of a shared store, which is how long a lease lasts too; then
 * the URIs to listen on. Says READY when it serves clients, and ends with its standard input, so that
 * it never outlives whoever started it.
 */
public final class ActiveMqServer {
  /** The pool of ActiveMQ's own example for databases is as large; PostgreSQL takes 100. */
  private static final int CONNECTIONS_MAX = 50;

  public static void main(String[] args) throws Exception {
    String store = args[1];
    long lockPollMs = Long.parseLong(args[3]);
    BrokerService broker = new BrokerService();
    broker.setBrokerName(args[0]);
    broker.setUseJmx(false);
    broker.setUseShutdownHook(true);
    broker.setSchedulerSupport(true);
    broker.setPersistent(!store.equals("memory"));
    if (broker.isPersistent()) {
      broker.setDataDirectory(args[2]);
      broker.setPersistenceAdapter(
          store.equals("kahadb")
              ? kahaDb(new File(args[2]), lockPollMs)
              : jdbc(broker, store, lockPollMs));
    }
    SystemUsage usage = broker.getSystemUsage();
    usage.getMemoryUsage().setLimit(Runtime.getRuntime().maxMemory() * 7 / 10);
    usage.getTempUsage().setLimit(1L << 30);
    for (int index = 4; index < args.length; index++) broker.addConnector(args[index]);
    endWithInput();
    broker.start();
    broker.waitUntilStarted();
    System.out.println("READY");
    broker.waitUntilStopped();
  }

  private static PersistenceAdapter kahaDb(File directory, long lockPollMs) throws IOException {
    KahaDBPersistenceAdapter store = new KahaDBPersistenceAdapter();
    store.setDirectory(directory);
    store.createDefaultLocker();
    store.getLocker().setLockAcquireSleepInterval(lockPollMs);
    return store;
  }

  private static PersistenceAdapter jdbc(BrokerService broker, String store, long lockPollMs)
      throws IOException {
    int comma = store.lastIndexOf(',');
    boolean isLease = store.substring(comma + 1).equals("lease");
    JDBCPersistenceAdapter adapter = new JDBCPersistenceAdapter();
    adapter.setDataSource(pool(store.substring(0, comma)));
    adapter.setLocker(isLease ? new LeaseDatabaseLocker() : new DefaultDatabaseLocker());
    adapter.getLocker().setLockAcquireSleepInterval(lockPollMs);
    adapter.setLockKeepAlivePeriod(lockPollMs / 3);
    if (isLease) broker.setIoExceptionHandler(new LeaseLockerIOExceptionHandler());
    return adapter;
  }

  /** As fast as it gets: nothing is asked when a connection or a statement is used again. */
  private static BasicDataSource pool(String uri) {
    BasicDataSource pool = new BasicDataSource();
    pool.setUrl(uri);
    pool.setMaxTotal(CONNECTIONS_MAX);
    pool.setMaxIdle(CONNECTIONS_MAX);
    pool.setPoolPreparedStatements(true);
    pool.setTestOnBorrow(false);
    return pool;
  }

  private static void endWithInput() {
    Thread watcher = new Thread(() -> {
      try {
        while (System.in.read() >= 0) { }
      } catch (IOException ended) {
        // As good as the end of the input.
      }
      Runtime.getRuntime().halt(1);
    });
    watcher.setDaemon(true);
    watcher.start();
  }
}
