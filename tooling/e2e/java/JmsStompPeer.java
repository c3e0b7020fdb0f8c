import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Enumeration;
import java.util.TreeMap;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * The Java side of an exchange with STOMP clients. Arguments: the broker's URI, then `send QUEUE`, which sends one
 * message of each kind, or `receive QUEUE COUNT`, which prints a line for each message: its kind, its body
 * in base 64, then its properties and headers by name.
 */
public final class JmsStompPeer {
  private static final long PATIENCE_MS = 20_000;

  public static void main(String[] args) throws Exception {
    ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(args[0]);
    ActiveMQConnection connection = (ActiveMQConnection) factory.createConnection();
    connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue(args[2]);
    System.out.println("READY");
    if (args[1].equals("send")) send(connection, session, queue);
    else receive(session, queue, Integer.parseInt(args[3]));
    connection.close();
    System.out.println("DONE");
  }

  private static void send(ActiveMQConnection connection, Session session, Queue queue) throws JMSException {
    MessageProducer producer = session.createProducer(queue);
    producer.send(session.createTextMessage("plain text"));
    producer.send(session.createTextMessage("umlaut \u00fc euro \u20ac smile \ud83d\ude00 nul \0 end"));
    producer.send(session.createTextMessage(""));
    producer.send(session.createTextMessage());
    BytesMessage bytes = session.createBytesMessage();
    bytes.writeBytes(new byte[] {0, 1, 2, (byte) 255, 10});
    producer.send(bytes);
    TextMessage text = session.createTextMessage("with headers");
    text.setJMSCorrelationID("correlation: 1");
    text.setJMSType("kind");
    text.setJMSReplyTo(session.createQueue("back"));
    text.setStringProperty("aString", "line\none: \\ two");
    text.setBooleanProperty("aBoolean", true);
    text.setByteProperty("aByte", (byte) -1);
    text.setShortProperty("aShort", (short) 2);
    text.setIntProperty("anInt", 3);
    text.setLongProperty("aLong", 1L << 40);
    text.setFloatProperty("aFloat", 0.1f);
    text.setDoubleProperty("aDouble", 1e10);
    producer.send(text, DeliveryMode.PERSISTENT, 7, 0);
    TextMessage grouped = session.createTextMessage("grouped");
    grouped.setStringProperty("JMSXGroupID", "g");
    grouped.setIntProperty("JMSXGroupSeq", 5);
    producer.send(grouped);
    MapMessage map = session.createMapMessage();
    map.setString("key", "value");
    producer.send(map);
    producer.send(session.createObjectMessage((Serializable) "object"));
    StreamMessage stream = session.createStreamMessage();
    stream.writeInt(1);
    producer.send(stream);
    producer.send(session.createMessage());
    connection.setUseCompression(true);
    producer.send(session.createTextMessage("compressed ".repeat(100)));
    BytesMessage packed = session.createBytesMessage();
    packed.writeBytes(new byte[1000]);
    producer.send(packed);
  }

  private static void receive(Session session, Queue queue, int count) throws JMSException {
    MessageConsumer consumer = session.createConsumer(queue);
    for (int received = 0; received < count; received += 1) {
      Message message = consumer.receive(PATIENCE_MS);
      if (message == null) throw new JMSException("nothing came");
      TreeMap<String, String> fields = new TreeMap<>();
      for (Enumeration<?> names = message.getPropertyNames(); names.hasMoreElements(); ) {
        String name = (String) names.nextElement();
        Object value = message.getObjectProperty(name);
        fields.put(name, value.getClass().getSimpleName() + " " + value);
      }
      fields.put("deliveryMode", message.getJMSDeliveryMode() == DeliveryMode.PERSISTENT ? "persistent" : "not");
      fields.put("priority", String.valueOf(message.getJMSPriority()));
      fields.put("correlation", String.valueOf(message.getJMSCorrelationID()));
      fields.put("type", String.valueOf(message.getJMSType()));
      fields.put("replyTo", String.valueOf(message.getJMSReplyTo()));
      System.out.println("received " + kindAndBody(message) + " " + fields);
    }
  }

  private static String kindAndBody(Message message) throws JMSException {
    if (message instanceof TextMessage) {
      String text = ((TextMessage) message).getText();
      return "text " + (text == null ? "null" : encoded(text.getBytes(StandardCharsets.UTF_8)));
    }
    if (message instanceof BytesMessage) {
      BytesMessage bytes = (BytesMessage) message;
      byte[] body = new byte[(int) bytes.getBodyLength()];
      bytes.readBytes(body);
      return "bytes " + encoded(body);
    }
    return message.getClass().getSimpleName() + " -";
  }

  private static String encoded(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
