import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * The Java client across a takeover. Arguments: the `failover:` URI and how many messages. Sends them
 * one by one, half of them in transactions of ten, while a transacted consumer takes them. Says HALFWAY and
 * waits for a line of input, so that the broker can be killed with work in hand. Ends with
 * `received N of N, C after their commit`, or with `failed` and a reason.
 *
 * This client calls a commit rolled back whose answer it did not get, although it may have
 * been done. A message received in such a transaction may come again or not; one sent in it is sent
 * again, and may arrive twice.
 */
public final class JmsFailover {
  private static final long PATIENCE_MS = 30_000;
  private static final int TRANSACTION_SIZE = 10;

  private static final Set<String> SENT_AGAIN = ConcurrentHashMap.newKeySet();

  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[1]);
    Connection connection = new ActiveMQConnectionFactory(args[0]).createConnection();
    connection.start();
    Set<String> received = new HashSet<>();
    Set<String> committed = new HashSet<>();
    int[] receivedAgain = {0};
    Thread consumer = new Thread(() -> {
      try {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        MessageConsumer messages = session.createConsumer(session.createQueue("failover"));
        while (received.size() < count) {
          TextMessage message = (TextMessage) messages.receive(PATIENCE_MS);
          if (message == null) return;
          received.add(message.getText());
          boolean isAgain = committed.contains(message.getText());
          if (isAgain && !SENT_AGAIN.contains(message.getText())) receivedAgain[0]++;
          try {
            session.commit();
            committed.add(message.getText());
          } catch (TransactionRolledBackException inDoubt) {
            // See above.
          }
        }
      } catch (JMSException problem) {
        System.out.println("failed " + problem);
      }
    });
    consumer.start();
    produce(connection, count);
    consumer.join(PATIENCE_MS);
    System.out.println("received " + received.size() + " of " + count + ", " + receivedAgain[0] + " after their commit");
    System.exit(0);
  }

  private static void produce(Connection connection, int count) throws Exception {
    Session single = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageProducer singleProducer = single.createProducer(single.createQueue("failover"));
    MessageProducer transactedProducer = transacted.createProducer(single.createQueue("failover"));
    for (int first = 0; first < count; first += 2 * TRANSACTION_SIZE) {
      if (first == count / 2) {
        System.out.println("HALFWAY");
        System.in.read();
      }
      for (int index = first; index < first + TRANSACTION_SIZE; index++) {
        singleProducer.send(single.createTextMessage("" + index));
      }
      while (!sendTransaction(transacted, transactedProducer, first + TRANSACTION_SIZE)) {
        for (int index = 0; index < TRANSACTION_SIZE; index++) {
          SENT_AGAIN.add("" + (first + TRANSACTION_SIZE + index));
        }
      }
    }
  }

  /** False if the client calls the transaction rolled back. */
  private static boolean sendTransaction(Session session, MessageProducer producer, int first)
      throws JMSException {
    try {
      for (int index = first; index < first + TRANSACTION_SIZE; index++) {
        producer.send(session.createTextMessage("" + index));
      }
      session.commit();
      return true;
    } catch (TransactionRolledBackException inDoubt) {
      return false;
    }
  }
}
