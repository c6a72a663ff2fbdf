/* A camera that can be unplugged: GStreamer's test picture under the name of libcamera's source.
 * It is plugged in for as long as the file exists that OUTPOST_CAMERA names. */

#include <gst/gst.h>

#define PACKAGE "outpost-tests"

typedef GstBin Camera;
typedef GstBinClass CameraClass;

G_DEFINE_TYPE(Camera, camera, GST_TYPE_BIN)

static gboolean is_plugged_in(void) {
    return g_file_test(g_getenv("OUTPOST_CAMERA"), G_FILE_TEST_EXISTS);
}

static GstStateChangeReturn change_state(GstElement *camera, GstStateChange change) {
    if (change == GST_STATE_CHANGE_NULL_TO_READY && !is_plugged_in()) {
        GST_ELEMENT_ERROR(camera, RESOURCE, NOT_FOUND, ("No camera is plugged in"), (NULL));
        return GST_STATE_CHANGE_FAILURE;
    }
    return GST_ELEMENT_CLASS(camera_parent_class)->change_state(camera, change);
}

static GstPadProbeReturn on_picture(GstPad *pad, GstPadProbeInfo *info, gpointer camera) {
    (void)pad;
    (void)info;
    if (is_plugged_in())
        return GST_PAD_PROBE_OK;
    GST_ELEMENT_ERROR(camera, RESOURCE, READ, ("The camera was unplugged"), (NULL));
    return GST_PAD_PROBE_DROP;
}

static void camera_class_init(CameraClass *class) {
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    element->change_state = change_state;
    gst_element_class_set_static_metadata(element, "Camera that can be unplugged", "Source/Video",
                                          "A test picture while a file exists", "Outpost");
    gst_element_class_add_pad_template(
        element, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, gst_caps_new_any()));
}

static void camera_init(Camera *camera) {
    GstElement *picture = gst_element_factory_make("videotestsrc", NULL);
    g_object_set(picture, "is-live", TRUE, NULL);
    gst_bin_add(GST_BIN(camera), picture);
    GstPad *inner = gst_element_get_static_pad(picture, "src");
    gst_pad_add_probe(inner, GST_PAD_PROBE_TYPE_BUFFER, on_picture, camera, NULL);
    gst_element_add_pad(GST_ELEMENT(camera), gst_ghost_pad_new("src", inner));
    gst_object_unref(inner);
}

static gboolean plugin_init(GstPlugin *plugin) {
    return gst_element_register(plugin, "libcamerasrc", GST_RANK_NONE, camera_get_type());
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, unplugged, "A camera for tests", plugin_init,
                  "1", "MIT/X11", "Outpost", "https://localhost")
