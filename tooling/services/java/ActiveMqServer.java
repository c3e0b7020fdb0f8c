import java.io.File;
import java.io.IOException;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;
import org.apache.activemq.usage.SystemUsage;

/**
 * An ActiveMQ broker on KahaDB with synced writes, or on memory. Arguments: name, directory or "-",
 * milliseconds between looks at the lock of a shared directory, then the URIs to listen on. Says
 * READY when it serves clients, and ends with its standard input, so that it never outlives whoever
 * started it.
 */
public final class ActiveMqServer {
  public static void main(String[] args) throws Exception {
    BrokerService broker = new BrokerService();
    broker.setBrokerName(args[0]);
    broker.setUseJmx(false);
    broker.setUseShutdownHook(true);
    broker.setSchedulerSupport(true);
    broker.setPersistent(!args[1].equals("-"));
    if (broker.isPersistent()) {
      KahaDBPersistenceAdapter store = new KahaDBPersistenceAdapter();
      store.setDirectory(new File(args[1]));
      store.createDefaultLocker();
      store.getLocker().setLockAcquireSleepInterval(Long.parseLong(args[2]));
      broker.setDataDirectory(args[1]);
      broker.setPersistenceAdapter(store);
    }
    SystemUsage usage = broker.getSystemUsage();
    usage.getMemoryUsage().setLimit(Runtime.getRuntime().maxMemory() * 7 / 10);
    usage.getTempUsage().setLimit(1L << 30);
    for (int index = 3; index < args.length; index++) broker.addConnector(args[index]);
    endWithInput();
    broker.start();
    broker.waitUntilStarted();
    System.out.println("READY");
    broker.waitUntilStopped();
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
