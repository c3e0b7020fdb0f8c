import java.io.IOException;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.transport.TransportListener;

/**
 * The Java client's view of takeovers. Argument: the `failover:` URI. One producer that waits for each
 * answer and one consumer, on connections of their own, that never pause. Says `working` when messages go
 * through; after each takeover `sent MILLISECONDS` with the wall time of the first answer, and
 * `received MILLISECONDS` with that of the first message. What counts is only what began after
 * the client said that it has resumed, or ended after it: never something of the old broker.
 */
public final class JmsTakeover {
  private static final String QUEUE = "takeover.java";

  /** Whether a connection has been through a takeover that was not reported yet. */
  private static final class Watch implements TransportListener {
    private volatile boolean isUnreported;

    static Connection connect(String uri, Watch watch) throws JMSException {
      Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
      connection.start();
      ((ActiveMQConnection) connection).addTransportListener(watch);
      return connection;
    }

    boolean hasResumed() {
      return isUnreported;
    }

    void report(String what) {
      isUnreported = false;
      System.out.println(what + " " + System.currentTimeMillis());
    }

    @Override
    public void transportInterupted() {
      isUnreported = false;
    }

    @Override
    public void transportResumed() {
      isUnreported = true;
    }

    @Override
    public void onCommand(Object command) {}

    @Override
    public void onException(IOException problem) {}
  }

  public static void main(String[] args) throws Exception {
    Thread consumer = new Thread(() -> failLoudly(() -> receive(args[0])));
    consumer.start();
    failLoudly(() -> send(args[0]));
  }

  private static void send(String uri) throws Exception {
    Watch watch = new Watch();
    Session session = Watch.connect(uri, watch).createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(session.createQueue(QUEUE));
    while (true) {
      producer.send(session.createTextMessage("takeover"));
      if (watch.hasResumed()) watch.report("sent");
    }
  }

  private static void receive(String uri) throws Exception {
    Watch watch = new Watch();
    Session session = Watch.connect(uri, watch).createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageConsumer consumer = session.createConsumer(session.createQueue(QUEUE));
    for (long count = 1; ; count++) {
      // One that was on its way before must not count, even if it costs the wait for the next.
      boolean hadResumed = watch.hasResumed();
      consumer.receive();
      if (hadResumed) watch.report("received");
      if (count == 1000) System.out.println("working");
    }
  }

  private interface Work {
    void run() throws Exception;
  }

  private static void failLoudly(Work work) {
    try {
      work.run();
    } catch (Exception problem) {
      System.out.println("failed " + problem);
      System.exit(1);
    }
  }
}
