import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * The Java client over the transports of its URIs, the arguments. For each one a message goes to a queue
 * and comes back, then one line says `ok URI` or `failed URI: why`.
 */
public final class JmsTls {
  private static final long PATIENCE_MS = 10_000;

  public static void main(String[] args) {
    for (String uri : args) {
      try {
        roundTrip(uri);
        System.out.println("ok " + uri);
      } catch (Throwable problem) {
        System.out.println("failed " + uri + ": " + rootOf(problem));
      }
    }
    System.exit(0);
  }

  private static void roundTrip(String uri) throws Exception {
    Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
    try {
      connection.start();
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Queue queue = session.createQueue("tls");
      session.createProducer(queue).send(session.createTextMessage(uri));
      TextMessage message = (TextMessage) session.createConsumer(queue).receive(PATIENCE_MS);
      if (message == null || !message.getText().equals(uri)) throw new Exception("got " + message);
    } finally {
      connection.close();
    }
  }

  private static Throwable rootOf(Throwable problem) {
    Throwable root = problem;
    while (root.getCause() != null) root = root.getCause();
    return root;
  }
}
