import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.TarImage;
import java.nio.file.Path;

/** Takes an image as its base, as builds with Jib do: JibPull REFERENCE FOLDER. */
class JibPull {
  public static void main(String[] words) throws Exception {
    Path folder = Path.of(words[1]);
    Jib.from(words[0])
        .containerize(
            Containerizer.to(TarImage.at(folder.resolve("image.tar")).named("built"))
                .setAllowInsecureRegistries(true)
                .setAlwaysCacheBaseImage(true)
                .setBaseImageLayersCache(folder.resolve("layers"))
                .setApplicationLayersCache(folder.resolve("own-layers")));
  }
}
