import java.util.concurrent.TimeUnit;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * Questions and answers over a temporary queue while the broker dies. Arguments: a `failover:` URI, and how many.
 *
 * Says HALFWAY and goes on; ends with `answered N of N, A asked again, E answers refused`.
 */
public final class JmsReply {
  /** An answer that was in the memory of the broker that died does not come. */
  private static final long ANSWER_MS = 2_000;
  private static final int TRIES = 10;
  private static int refusedCount;

  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[1]);
    serve(args[0]);
    Connection connection = new ActiveMQConnectionFactory(args[0]).createConnection();
    connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer questions = session.createProducer(session.createQueue("reply.questions"));
    TemporaryQueue answers = session.createTemporaryQueue();
    MessageConsumer consumer = session.createConsumer(answers);
    int answeredCount = 0;
    int againCount = 0;
    for (int index = 0; index < count; index++) {
      if (index == count / 2) System.out.println("HALFWAY");
      for (int tries = 0; tries < TRIES; tries++) {
        if (tries > 0) againCount++;
        TextMessage question = session.createTextMessage(String.valueOf(index));
        question.setJMSReplyTo(answers);
        questions.send(question);
        if (!answerTo(consumer, index)) continue;
        answeredCount++;
        break;
      }
    }
    System.out.println("answered " + answeredCount + " of " + count + ", " + againCount + " asked again, "
        + refusedCount + " answers refused");
    System.exit(0);
  }

  /** Answers to earlier questions may come twice. */
  private static boolean answerTo(MessageConsumer consumer, int index) throws JMSException {
    for (;;) {
      TextMessage answer = (TextMessage) consumer.receive(ANSWER_MS);
      if (answer == null) return false;
      if (answer.getText().equals("re: " + index)) return true;
    }
  }

  private static void serve(String uri) throws JMSException {
    Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
    connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer answers = session.createProducer(null);
    session.createConsumer(session.createQueue("reply.questions")).setMessageListener(question -> {
      // Who asked may not be back yet.
      for (int tries = 0; tries < TRIES; tries++) {
        try {
          String text = "re: " + ((TextMessage) question).getText();
          answers.send(question.getJMSReplyTo(), session.createTextMessage(text));
          return;
        } catch (JMSException refusal) {
          refusedCount++;
          pause();
        }
      }
    });
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(100);
    } catch (InterruptedException end) {
      Thread.currentThread().interrupt();
    }
  }
}
