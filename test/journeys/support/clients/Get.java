import java.io.FileInputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URL;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Asks three times, on a connection of its own each, and prints the statuses. */
class Get {
  public static void main(String[] words) throws Exception {
    System.setProperty("http.keepAlive", "false");
    URL url = new URL(words[1]);
    Proxy proxy = Proxy.NO_PROXY;
    SSLContext tls = null;
    if (words[0].equals("proxy")) {
      System.setProperty("jdk.tls.client.protocols", words[4]);
      int port = Integer.parseInt(words[2]);
      proxy = new Proxy(Proxy.Type.HTTP, new InetSocketAddress("127.0.0.1", port));
      tls = trusting(words[3]);
    }
    for (int count = 0; count < 3; count += 1) {
      HttpURLConnection connection = (HttpURLConnection) url.openConnection(proxy);
      if (tls != null) ((HttpsURLConnection) connection).setSSLSocketFactory(tls.getSocketFactory());
      System.out.println(connection.getResponseCode());
      connection.disconnect();
    }
  }

  private static SSLContext trusting(String file) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null);
    try (FileInputStream stream = new FileInputStream(file)) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(stream));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }
}
